// The address that a source is. In a browser a path is one too: from where the page is, as in its links.

import { show } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'

/**
 * The address of a source: a URL, a text that begins as one, and in a browser a path; undefined for another source.
 * @throws {DataError} for a text that begins as an address and is none.
 */
export function addressOf(source: unknown): URL | undefined {
  if (source instanceof URL) return source
  const link = hasFiles() ? /^https?:\/\//i : /^(https?:\/|\.{0,2})\//i
  if (typeof source !== 'string' || !link.test(source)) return undefined
  try {
    return new URL(source, here())
  } catch (cause) {
    throw new DataError({ where: show(source), what: 'not a valid address' }, { cause })
  }
}

/** Where the page is, or a worker's script, whatever it was made of. */
const here = (): string | undefined => globalThis.document?.baseURI ?? globalThis.location?.href.replace(/^blob:/, '')

/** A part of an address as text; one with a bare `%` is as it stands. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
