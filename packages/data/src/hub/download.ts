// Downloads a blob into a store: it goes on where it was broken off, and is checked before it is complete.

import { HubError } from '../errors.ts'
import { createHash, type Hash } from '../files/hash.ts'
import { lfsPointer, longestPointer } from '../files/lfs-pointer.ts'
import { unreachable } from './hub-errors.ts'
import { isHtml, pauseAfterBreak, request, type RequestContext } from './request.ts'
import type { BlobKey, PartialBlob, Store } from './store.ts'

export interface DownloadContext extends RequestContext {
  url: string
  /** Called as bytes arrive, with the number that is there. */
  onBytes?: ((loaded: number) => void) | undefined
  /** The error for a response that is no file. */
  refuse: (status: number) => HubError
}

/** A blob whose bytes are known before its hub is asked. */
export type CheckedKey = Required<BlobKey>

/**
 * Brings a blob into a store, unless it is there with the right bytes.
 * @throws {HubError} for bytes that are not those that the hub names, a git-lfs pointer, and what `request` throws.
 */
export async function download(store: Store, key: CheckedKey, context: DownloadContext): Promise<void> {
  const found = await store.blob(key)
  if (found && found.size === key.size && (await idOf(key, found.chunks())) === key.id) return
  await store.write(key, async (partial) => {
    // Another page may have written it while this one waited.
    const other = await store.blob(key)
    if (!found && other?.size === key.size && (await idOf(key, other.chunks())) === key.id) return
    const isResumed = partial.length > 0
    await fill(partial, key, context)
    let problem = await problemOf(partial, key)
    if (problem && isResumed) {
      // What was left of an earlier try may be at fault.
      await partial.clear()
      await fill(partial, key, context)
      problem = await problemOf(partial, key)
    }
    if (problem) {
      await partial.clear()
      throw new HubError({ where: context.url, ...problem })
    }
    await partial.complete()
  })
}

/** Adds bytes until the size is reached. A connection that breaks is opened again. */
async function fill(partial: PartialBlob, { size }: CheckedKey, context: DownloadContext): Promise<void> {
  const { url, onBytes } = context
  if (partial.length > size) await partial.clear()
  for (let breaks = 0; partial.length < size; ) {
    const begin = partial.length
    try {
      const response = await openFrom(partial, size, context)
      for await (const chunk of bodyOf(response, url)) {
        if (partial.length + chunk.length > size) throw new HubError({ where: url, ...wrongSize(size, 'more bytes') })
        await partial.append(chunk)
        onBytes?.(partial.length)
      }
      if (partial.length < size) throw unreachable(url, new Error(`the connection ended at byte ${partial.length}`))
    } catch (error) {
      // Progress was made: the count of breaks begins anew.
      breaks = partial.length > begin ? 1 : breaks + 1
      await pauseAfterBreak(error, breaks, context)
    }
  }
}

/** A response whose body begins at the end of what is there. */
async function openFrom(partial: PartialBlob, size: number, context: DownloadContext): Promise<Response> {
  const begin = partial.length
  const headers = begin > 0 ? { range: `bytes=${begin}-` } : undefined
  const response = await request(context.url, headers ? { headers } : {}, context)
  if (begin === 0 || response.status === 206) {
    if (!response.ok) {
      await response.body?.cancel()
      throw context.refuse(response.status)
    }
    const range = response.headers.get('content-range')
    if (begin === 0 || range === null || range === `bytes ${begin}-${size - 1}/${size}`) return response
  }
  // The server has other bytes, or sends all of them.
  await partial.clear()
  if (response.status === 200) return response
  await response.body?.cancel()
  return openFrom(partial, size, context)
}

/** The parts of a response's body. @throws {UnreachableError} when it breaks off. */
export async function* bodyOf(response: Response, url: string): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader()
  if (!reader) return
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw unreachable(url, cause)
      })
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

const wrongSize = (size: number, found: string) => ({
  what: 'not the file that the hub names',
  expected: `${size} bytes`,
  found,
  fix: 'A proxy may have changed it: try again, or on another network.',
})

/** What is wrong with the bytes of a blob. */
async function problemOf(partial: PartialBlob, key: CheckedKey) {
  const start: Uint8Array[] = []
  let length = 0
  const id = await idOf(key, partial.chunks(), (chunk) => {
    if (length < longestPointer) start.push(chunk.slice(0, longestPointer - length))
    length += chunk.length
  })
  const head = await new Blob(start as Uint8Array<ArrayBuffer>[]).text()
  if (id !== key.id)
    return { ...wrongSize(key.size, isHtml(head) ? 'an HTML page' : `another hash, ${id}`), expected: `hash ${key.id}` }
  const pointer = length <= longestPointer ? lfsPointer(new TextEncoder().encode(head), '') : undefined
  if (!pointer) return undefined
  const { where: _, ...problem } = pointer
  return { ...problem, fix: 'The repository at this endpoint holds the pointer only: upload the file there.' }
}

/** The id of bytes: their SHA-256, or git's, which is the SHA-1 of "blob SIZE\0" and the bytes. */
async function idOf(
  { size, check }: CheckedKey,
  chunks: AsyncIterable<Uint8Array>,
  onChunk?: (chunk: Uint8Array) => void,
): Promise<string> {
  const hash: Hash = createHash(check === 'git' ? 'sha1' : 'sha256')
  if (check === 'git') hash.update(new TextEncoder().encode(`blob ${size}\0`))
  for await (const chunk of chunks) {
    hash.update(chunk)
    onChunk?.(chunk)
  }
  return hash.hex()
}
