// A session of the runtime that says so when it is used after its release, and is released once, when its runs have
// ended.

import { SessionError } from '../errors.ts'
import type { OrtSession } from './ort.ts'

/** The session. Its `run` rejects with a {@link SessionError} after the release. */
export function releasedOnce(session: OrtSession): OrtSession {
  const { run, release } = session
  const running = new Set<Promise<unknown>>()
  let ended: Promise<void> | undefined
  const end = async (): Promise<void> => {
    await Promise.allSettled(running)
    await release.call(session)
  }
  return Object.assign(session, {
    run: async (...args: Parameters<OrtSession['run']>) => {
      if (ended) throw released()
      const result = run.apply(session, args)
      running.add(result)
      try {
        return await result
      } finally {
        running.delete(result)
      }
    },
    release: () => {
      ended ??= end()
      return ended
    },
  })
}

const released = (): SessionError =>
  new SessionError({ where: 'session', what: 'it has been released', fix: 'Open the model again.' })
