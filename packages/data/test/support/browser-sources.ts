// Runs in a page and in a worker of the browser: what the test asks for, with the library's functions.

import {
  copyFiles,
  directoryStore,
  fetchFiles,
  memorySink,
  openFiles,
  readTable as read,
  sha256,
  zipOf,
} from '../../src/index.ts'

interface Opened {
  sha256: Record<string, string>
  where: string
  progress: { file: string; loaded: number; total: number | undefined }[]
  warnings: string[]
  error?: string
}

/** Opens a source, reads its files, and says what it saw. */
export async function open(source: string, names: readonly string[], options: object = {}): Promise<Opened> {
  const [progress, warnings]: [Opened['progress'], string[]] = [[], []]
  const seen = { sha256: {}, where: '', progress, warnings } as Opened
  try {
    const files = await openFiles(source, {
      ...options,
      files: names,
      onProgress: (at) => progress.push(at),
      onWarning: ({ message }) => warnings.push(message),
    })
    seen.where = files.where
    for (const name of names) {
      seen.sha256[name] = sha256([files.read(name)])
      // A part alone, too.
      if (files.read(name, 1, 3).length !== 2) throw new Error('a part of another length')
    }
  } catch (error) {
    seen.error = (error as Error).message
  }
  return seen
}

/** Writes to the origin's storage by a store, opens it again and reads it as a source; then as a zip. */
export async function stored(): Promise<Record<string, string>> {
  const root = await navigator.storage.getDirectory()
  const folder = await root.getDirectoryHandle('run', { create: true })
  const store = await directoryStore(folder)
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
  store.write('checkpoint.safetensors', [new TextEncoder().encode('one'), new TextEncoder().encode('two')])
  store.write('log/steps.jsonl', [new TextEncoder().encode('{}')])
  await store.flush?.()
  const again = await directoryStore(folder)
  const handle = await openFiles(folder)
  const zip = await openFiles(new File([await zipOf(again)], 'run.zip'))
  const sink = memorySink()
  sink.write('a/b.txt', [new TextEncoder().encode('copied')])
  const other = await root.getDirectoryHandle('copy', { create: true })
  await copyFiles(sink, other)
  const copied = await openFiles(other, { files: [] })
  await fetchFiles(copied, [{ path: 'a/b.txt' }])
  return {
    store: text(again.read('checkpoint.safetensors')),
    handle: text(handle.read('log/steps.jsonl')),
    zip: text(zip.read('checkpoint.safetensors')),
    copied: text(copied.read('a/b.txt')),
  }
}

/** The files of the origin's storage, with their sizes. */
export async function storage(): Promise<Record<string, number>> {
  const files = await openFiles(await navigator.storage.getDirectory(), { files: [] })
  return Object.fromEntries(files.names().map((name) => [name, files.size(name)]))
}

/** The error of reading a table. */
export const readTable = (source: string): Promise<{ error?: string }> =>
  read(source).then(
    () => ({}),
    ({ message }) => ({ error: message }),
  )

const functions = { open, readTable, stored, storage }

if ('document' in globalThis) Object.assign(globalThis, { sources: functions })
else
  globalThis.onmessage = async ({ data: [name, ...args] }: MessageEvent) =>
    globalThis.postMessage(await (functions[name as keyof typeof functions] as (...all: unknown[]) => unknown)(...args))
