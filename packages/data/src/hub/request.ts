// Requests to a hub or an address: refusals that pass are tried again, after the time that the server asks for.

import { HubError } from '../errors.ts'
import { withTimeout } from './fetch.ts'
import { unreachable, UnreachableError } from './hub-errors.ts'
import type { HubOptions } from './hub-options.ts'

/** Statuses of a server that may answer later. */
const passing: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/** The longest time that a server may ask to wait, in milliseconds; longer ones are errors. */
const longestWait = 60_000

export interface RequestContext {
  fetch: typeof fetch
  /** How often a request is tried again. */
  retries: number
  signal?: AbortSignal | undefined
}

/** How requests are made, by options: 30 seconds without a byte end one, and 4 times it is tried again by default. */
export const requestContext = (options: HubOptions): RequestContext => ({
  fetch: withTimeout(options.fetch ?? fetch, options.timeout ?? 30_000),
  retries: options.retries ?? 4,
  signal: options.signal,
})

/**
 * A response, after retries of refusals that pass (429, 503, ...); the last one, whatever its status.
 * @throws {HubError} when no response comes.
 */
export async function request(url: string, init: RequestInit, context: RequestContext): Promise<Response> {
  const { fetch, retries, signal } = context
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(url, { ...init, ...(signal ? { signal } : {}) }).catch((cause) => {
      signal?.throwIfAborted()
      throw unreachable(url, cause)
    })
    const wait = retryAfter(response) ?? backOff(attempt)
    if (!passing.has(response.status) || attempt >= retries || wait > longestWait) return response
    await response.body?.cancel()
    await pause(wait, signal)
  }
}

/**
 * Waits before a download that broke off goes on.
 * @param breaks How often it broke off since the last byte came.
 * @throws The error, if it is no broken connection or came too often, and the signal's reason when it fires.
 */
export async function pauseAfterBreak(error: unknown, breaks: number, context: RequestContext): Promise<void> {
  const { retries, signal } = context
  signal?.throwIfAborted()
  if (!(error instanceof UnreachableError) || breaks > retries) throw error
  await pause(backOff(breaks - 1), signal)
}

/** Half a second, doubled with each attempt, up to eight, and up to a quarter more, so that many do not ask at once. */
const backOff = (attempt: number): number => Math.min(8000, 500 * 2 ** attempt) * (1 + Math.random() / 4)

/** The wait that a response asks for, in milliseconds: seconds or a date (RFC 9110, 10.2.3). */
function retryAfter(response: Response): number | undefined {
  const value = response.headers.get('retry-after')?.trim()
  if (!value) return undefined
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(wait) ? undefined : Math.max(0, wait)
}

/** Waits. @throws the signal's reason when it fires. */
function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** The JSON of a response. @throws {HubError} naming the URL. */
export async function jsonOf(response: Response, url: string): Promise<unknown> {
  const text = await response.text().catch((cause) => {
    throw unreachable(url, cause)
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new HubError({
      where: url,
      what: 'the answer is not JSON',
      found: isHtml(text) ? 'an HTML page' : text.slice(0, 60),
      fix: 'A proxy or a login page answers in place of the hub: check HF_ENDPOINT.',
    })
  }
}

/** The path of a file below an address: each part encoded. */
export const encodedPath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

/** Whether a text begins as an HTML page. */
export const isHtml = (text: string): boolean => /^\s*<(!doctype html|html|head|body)/i.test(text)
