// Whether a model is open: what was called after its release must not look for another cause first.

import { requireKind } from '@cola/graph/door'
import { SessionError } from '../errors.ts'

/** The error of what is called after a release. */
export const releasedError = (where: string, fix: string): SessionError =>
  new SessionError({ where, what: 'it has been released', fix: `${fix} Await the calls before a release.` })

/** What {@link untilRelease} gives. */
export interface Life {
  /** @throws {SessionError} after the release. */
  requireOpen: () => void
  /** Ends it. @returns Whether it was open. */
  release: () => boolean
}

/**
 * Something that is open until `release` is called.
 * @param where What it is, and `fix` what to do about a call after its release, for the error.
 */
export function untilRelease(where: string, fix: string): Life {
  requireKind('untilRelease, where', where, 'text')
  let released = false
  return {
    requireOpen: () => {
      if (released) throw releasedError(where, fix)
    },
    release: () => {
      const wasOpen = !released
      released = true
      return wasOpen
    },
  }
}
