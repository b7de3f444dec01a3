// The address that a source is. In a browser a path is one too: from where the page is, as in its links.

import { hasFiles } from '../files/node.ts'

/**
 * The address of a source: a URL, a text that begins as one, and in a browser a path; undefined for another source.
 */
export function addressOf(source: unknown): URL | undefined {
  if (source instanceof URL) return source
  const link = hasFiles() ? /^https?:\/\// : /^(https?:\/|\.{0,2})\//
  return typeof source === 'string' && link.test(source) ? new URL(source, here()) : undefined
}

/** Where the page is, or a worker's script, whatever it was made of. */
const here = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href.replace(/^blob:/, '')
