// A session of the runtime that says so when it is used after its release or after the loss of its device, and is
// released once, when its runs have ended.

import { lossOf } from './device-loss.ts'
import type { ResolvedDevice } from './devices.ts'
import type { OrtSession } from './ort.ts'
import { releasedError } from './until-release.ts'

type End = (why: unknown) => Promise<void>

/** Ends each session that is open on a device. */
const open = new Map<ResolvedDevice, Set<End>>()

/**
 * The session. Its `run` rejects with a SessionError after the release. When it tells the loss of the device, all
 * sessions on that device are released, and reject with a DeviceLostError: the runtime opens a lost device again when it
 * has no session on it.
 */
export function releasedOnce(session: OrtSession, device: ResolvedDevice): OrtSession {
  const { run, release } = session
  const running = new Set<Promise<unknown>>()
  const others = open.get(device) ?? new Set<End>()
  open.set(device, others)
  let ended: { why: unknown; done: Promise<void> } | undefined
  const free = async (): Promise<void> => {
    await Promise.allSettled(running)
    await release.call(session)
  }
  const end: End = (why) => {
    others.delete(end)
    ended ??= { why, done: free() }
    return ended.done
  }
  others.add(end)
  return Object.assign(session, {
    run: async (...args: Parameters<OrtSession['run']>) => {
      if (ended) throw ended.why
      const result = run.apply(session, args)
      running.add(result)
      try {
        return await result
      } catch (cause) {
        const loss = lossOf(device, cause)
        // What a lost device still holds is gone, and its sessions may refuse to be released.
        if (loss !== cause) await Promise.allSettled([...others].map((endOne) => endOne(loss)))
        throw loss
      } finally {
        running.delete(result)
      }
    },
    release: () => end(releasedError('session', 'Open the model again.')),
  })
}
