// Writes what an address answers to a blob: what was broken off, in this visit or an earlier one, goes on from there where
// the server says that the file is the same.

import { bodyOf } from '../hub/download.ts'
import { unreachable } from '../hub/hub-errors.ts'
import { pauseAfterBreak, request, type RequestContext } from '../hub/request.ts'
import type { PartialBlob } from '../hub/store.ts'

export interface AddressDownload {
  url: string
  context: RequestContext
  /** Refuses what begins as no file does. */
  checkStart: (chunk: Uint8Array) => void
  onBytes: (loaded: number, total: number | undefined) => void
}

/** Bytes of the whole file, as it is sent. @param begin Of the response's bytes in the file. */
function sizeOf({ headers }: Response, begin: number): number | undefined {
  if (headers.has('content-encoding')) return undefined
  const [, whole] = /\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  const size = Number(whole ?? headers.get('content-length') ?? Number.NaN) + (whole === undefined ? begin : 0)
  return Number.isSafeInteger(size) ? size : undefined
}

/** What says that a file is the same as before. @param begin Of the response's bytes in the file. */
export function validatorOf(response: Response, begin = 0): string | undefined {
  const { headers } = response
  const [etag, modified] = [headers.get('etag'), headers.get('last-modified')]
  return etag ?? (modified === null ? undefined : `${modified} ${sizeOf(response, begin)}`)
}

/**
 * Writes a file to a blob, which is the only one of its validator.
 * @param first The response to a request of the whole file.
 */
export async function fill(partial: PartialBlob, first: Response, download: AddressDownload): Promise<void> {
  const { url, context, checkStart, onBytes } = download
  const validator = validatorOf(first)
  let total = sizeOf(first, 0)
  // A weak validator (RFC 9110, 8.8.1) does not say that bytes are equal.
  const isKnown = validator !== undefined && !validator.startsWith('W/') && partial.length <= (total ?? Infinity)
  if (!isKnown) await partial.clear()
  let response = partial.length === 0 ? first : undefined
  if (!response) await first.body?.cancel()
  for (let breaks = 0; response || partial.length !== total; ) {
    const begin = partial.length
    try {
      response ??= await restOf(partial, validator, download)
      // A part may have fewer bytes than were asked for.
      total = partial.length === 0 ? sizeOf(response, 0) : (total ?? sizeOf(response, partial.length))
      for await (const chunk of bodyOf(response, url)) {
        if (partial.length === 0) checkStart(chunk)
        await partial.append(chunk)
        onBytes(partial.length, total)
      }
      // Firefox gives what came before a connection ended as if it were all.
      if (partial.length < (total ?? 0))
        throw unreachable(url, new Error(`the connection ended at byte ${partial.length}`))
      break
    } catch (error) {
      response = undefined
      breaks = partial.length > begin ? 1 : breaks + 1
      await pauseAfterBreak(error, breaks, context)
    }
  }
  await partial.complete()
}

/**
 * Asks for what a blob lacks; for all where the file is another one by now. If-Range would say it in one request, but a
 * browser asks a server of another origin before it sends that.
 */
async function restOf(
  partial: PartialBlob,
  validator: string | undefined,
  { url, context }: AddressDownload,
): Promise<Response> {
  const begin = partial.length
  const response = await request(url, { headers: { range: `bytes=${begin}-` } }, context)
  const isSame = validator !== undefined && validatorOf(response, begin) === validator
  if (response.status === 206 && isSame && beginsAt(begin, response)) return response
  await partial.clear()
  if (response.status === 200) return response
  await response.body?.cancel()
  if (response.status !== 206 && response.status !== 416)
    throw unreachable(url, new Error(`status ${response.status} for the rest`))
  const whole = await request(url, {}, context)
  if (whole.ok) return whole
  await whole.body?.cancel()
  throw unreachable(url, new Error(`status ${whole.status} for the whole file`))
}

/** Whether a part is that of a file's bytes from a place on; another origin may hide where it begins. */
function beginsAt(begin: number, { headers }: Response): boolean {
  const [, first] = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') ?? []
  return !headers.has('content-encoding') && (first === undefined || Number(first) === begin)
}
