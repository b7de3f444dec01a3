// The copy of a picked folder's model in the browser's storage, so that a reloaded page goes on without its owner. There
// is one, of the folder that was trained last.

import { copyFiles, DataError, type Files, openFiles, sha256 } from '@cola/data'
import type { KeptModel } from '../messages.ts'
import { folderAt, foldersIn, removeFolder } from './storage.ts'

const parent = 'models'

/** Written last, with the digest: a copy without it is not whole. */
const markFile = 'copied.json'

/** Bytes that are hashed at once. */
const part = 2 ** 24

/** SHA-256 of the names and sizes of files, and of the SHA-256 of each part of them, which a browser computes itself. */
export async function digestOf(files: Files): Promise<string> {
  // Such a page has neither hashes nor storage to keep a copy in.
  if (!isSecureContext) return ''
  const known: string[] = []
  for (const name of files.names()) {
    const size = files.size(name)
    known.push(name, String(size))
    for (let at = 0; at < size; at += part)
      known.push(await hashed(files.read(name, at, Math.min(size, at + part)) as Uint8Array<ArrayBuffer>))
  }
  return sha256([JSON.stringify(known)])
}

const hashed = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')

const filesOf = async (name: string): Promise<Files> => openFiles(await folderAt([parent, name]), { files: [] })

/** The files of a copy. @throws {DataError | Error} where it is not there, or another has taken its place. */
export async function copiedModel({ name, digest }: KeptModel): Promise<Files> {
  if ((await keptModel())?.digest === digest) return filesOf(name)
  throw new DataError({
    where: name,
    what: 'the copy of this model is not in this browser any more',
    fix: 'Pick its folder again.',
  })
}

/** The copy that is there. */
export async function keptModel(): Promise<KeptModel | undefined> {
  const [name] = await foldersIn(parent)
  const files = name === undefined ? undefined : await filesOf(name).catch(() => undefined)
  if (name === undefined || !files?.has(markFile)) return undefined
  const { digest } = JSON.parse(new TextDecoder().decode(files.read(markFile))) as { digest?: string }
  return digest === undefined ? undefined : { kind: 'kept', name, digest }
}

/**
 * Copies the files that a model was opened from, in place of a copy of another model.
 * @param digest Of the files, by {@link digestOf}.
 * @throws {DataError} when the storage is full or refused.
 */
export async function keepModel(name: string, digest: string, files: Files): Promise<KeptModel> {
  const kept: KeptModel = { kind: 'kept', name, digest }
  const there = await keptModel()
  if (there?.name === name && there.digest === digest) return kept
  await forgetModel()
  const folder = await folderAt([parent, name], true)
  await copyFiles(files, folder)
  await copyFiles(await openFiles({ [markFile]: new TextEncoder().encode(JSON.stringify({ digest })) }), folder)
  return kept
}

const forgetModel = (): Promise<void> => removeFolder(parent)

/** Files, and a list of those that were asked for: what a copy of the model needs. */
export function recorded(files: Files): { files: Files; asked: Files } {
  const names = new Set<string>()
  const recording: Files = {
    ...files,
    async fetch(wanted) {
      await files.fetch?.(wanted)
      for (const { path } of wanted) names.add(path)
    },
  }
  return { files: recording, asked: { ...files, names: () => [...names].filter((name) => files.has(name)) } }
}
