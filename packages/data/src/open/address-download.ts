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

/** Bytes of the whole file, as it is sent. */
const sizeOf = ({ headers }: Response, begin: number): number | undefined => {
  const length = headers.has('content-encoding') ? Number.NaN : Number(headers.get('content-length') ?? Number.NaN)
  return Number.isSafeInteger(length) ? begin + length : undefined
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
  const [validator, total] = [validatorOf(first), sizeOf(first, 0)]
  // A weak validator (RFC 9110, 8.8.1) does not say that bytes are equal.
  const isKnown = validator !== undefined && !validator.startsWith('W/') && partial.length <= (total ?? Infinity)
  if (!isKnown) await partial.clear()
  const rest = async () => {
    await first.body?.cancel()
    return partial.length === total ? undefined : restOf(partial, validator, download)
  }
  let response = partial.length === 0 ? first : await rest()
  for (let breaks = 0; response; ) {
    const begin = partial.length
    try {
      for await (const chunk of bodyOf(response, url)) {
        if (partial.length === 0) checkStart(chunk)
        await partial.append(chunk)
        onBytes(partial.length, total)
      }
      break
    } catch (error) {
      breaks = partial.length > begin ? 1 : breaks + 1
      await pauseAfterBreak(error, breaks, context)
      response = await restOf(partial, validator, download)
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
  if (response.status === 206 && validator !== undefined && validatorOf(response, begin) === validator) return response
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
