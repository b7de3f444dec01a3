// Whether a generator is open: what was called after its release must not look for another cause first.

import { SessionError } from '@cola/train'

/** Open until `release` is called. */
export function untilRelease() {
  let released = false
  return {
    /** @throws {SessionError} after the release. */
    requireOpen(): void {
      if (released)
        throw new SessionError({ where: 'session', what: 'it has been released', fix: 'Open the model again.' })
    },
    release(): void {
      released = true
    },
  }
}
