// Downloads in a browser: its origin private file system, in the layout of the disk's. A blob is a folder of segments,
// each written as a whole, so that a download that a closed page broke off goes on from its last segment, and no
// segment is held when the next one comes. What the storage refuses stays in memory for the visit.

import { HubError } from '../errors.ts'
import { blobFiles } from '../files/blobs.ts'
import { openFolder, type PrivateFolder } from '../files/private-folder.ts'
import type { PartialBlob, Store } from './store.ts'

/** Bytes of a segment: what a closed page loses at most. */
const segmentSize = 2 ** 23

/** Bytes that are read at once. */
const partSize = 2 ** 18

/** Marks a blob as complete. */
const completeFile = 'complete'

/** The store of one repository, such as models--owner--name, below a folder of this library. */
export async function browserStore(
  name: string,
  onWarning: (warning: { message: string }) => void = () => undefined,
): Promise<Store> {
  let hasWarned = false
  const warn = (cause: unknown) => {
    if (!hasWarned)
      onWarning({
        message: `The browser stores nothing (${(cause as Error).message}): the next visit downloads again.`,
      })
    hasWarned = true
  }
  const folder = await openFolder(`cola/hub/${name}`).catch((cause) => {
    warn(cause)
    return undefined
  })
  /** Files that were opened in this visit, by name. */
  const opened = new Map<string, Blob>()
  /** Blobs, by id, of which a part could not be stored, and all blobs where there is no storage. */
  const kept = new Map<string, Blob>()
  const links = new Map<string, string>()

  const blobOf = async (id: string): Promise<Blob | undefined> => {
    const blob = kept.get(id)
    if (blob || !folder) return blob
    const size = Number(await folder.read(`blobs/${id}/${completeFile}`))
    const segments = await segmentsOf(folder, id)
    const whole = new Blob(segments)
    return Number.isSafeInteger(size) && whole.size === size && segments.length > 0 ? whole : undefined
  }
  const store = async (path: string, text: string): Promise<void> => {
    await folder?.write(path, [new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>]).catch(warn)
  }
  return {
    files: () => blobFiles(opened, name),
    readRef: (revision) => folder?.read(`refs/${revision}`) ?? Promise.resolve(undefined),
    writeRef: (revision, commit) => store(`refs/${revision}`, commit),
    async find(commit, path) {
      const id = links.get(path) ?? (await folder?.read(`snapshots/${commit}/${path}`))
      const blob = id === undefined ? undefined : await blobOf(id)
      if (id !== undefined && blob) {
        links.set(path, id)
        opened.set(path, blob)
        return { id }
      }
      return (await folder?.read(`.no_exist/${commit}/${path}`)) === undefined ? undefined : 'absent'
    },
    markAbsent: (commit, path) => store(`.no_exist/${commit}/${path}`, ''),
    async blob({ id }) {
      const blob = await blobOf(id)
      return blob && { size: blob.size, chunks: () => partsOf(blob) }
    },
    async link(commit, path, { id }) {
      links.set(path, id)
      opened.set(path, (await blobOf(id)) as Blob)
      await store(`snapshots/${commit}/${path}`, id)
    },
    write: ({ id }, use) =>
      oneAtATime(`cola/hub/${name}/${id}`, async () => {
        const segments: Blob[] = folder ? await segmentsOf(folder, id) : []
        const buffer = new Uint8Array(segmentSize)
        let filled = 0
        let isStored = Boolean(folder)
        const stored = () => segments.reduce((sum, { size }) => sum + size, 0)
        const flush = async () => {
          if (filled === 0) return
          const bytes = buffer.slice(0, filled)
          filled = 0
          const path = `blobs/${id}/${segments.length}`
          const file = isStored ? await folder?.write(path, [bytes]).catch(warn) : undefined
          if (!file) isStored = false
          segments.push(file ?? new Blob([bytes]))
        }
        const partial: PartialBlob = {
          get length() {
            return stored() + filled
          },
          chunks: () => partsOf(new Blob([...segments, buffer.slice(0, filled)])),
          async append(chunk) {
            for (let at = 0; at < chunk.length; ) {
              const part = chunk.subarray(at, at + segmentSize - filled)
              buffer.set(part, filled)
              filled += part.length
              at += part.length
              if (filled === segmentSize) await flush()
            }
          },
          async clear() {
            filled = 0
            segments.length = 0
            await folder?.remove(`blobs/${id}`)
          },
          async complete() {
            await flush()
            if (isStored) await store(`blobs/${id}/${completeFile}`, String(stored()))
            if (!isStored || !(await blobOf(id))) kept.set(id, new Blob(segments))
          },
          close: flush,
        }
        try {
          return await use(partial)
        } catch (error) {
          await partial.close()
          throw error
        }
      }),
  }
}

async function segmentsOf(folder: PrivateFolder, id: string): Promise<Blob[]> {
  const segments: Blob[] = []
  for (;;) {
    const file = await folder.file(`blobs/${id}/${segments.length}`)
    if (!file) return segments
    segments.push(file)
  }
}

/** The bytes of a blob in parts; between them the page goes on. */
async function* partsOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += partSize) {
    const part = await blob
      .slice(at, at + partSize)
      .arrayBuffer()
      .catch((cause: Error) => {
        throw new HubError(
          { where: 'browser storage', what: 'it could not be read', found: cause.message, fix: 'Load the page again.' },
          { cause },
        )
      })
    yield new Uint8Array(part)
  }
}

/** Runs `work` while no other page of the origin does for this name. */
function oneAtATime<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const { locks } = navigator
  return locks ? (locks.request(name, work) as Promise<Result>) : work()
}
