// The order of a session's calls: one that changes its state at a time, and none after its release.

import { SessionError } from '../errors.ts'

/** Guards a session's calls, and says why one is refused. */
export class Calls {
  readonly #where: string
  #running: { name: string; done: Promise<unknown> } | undefined
  readonly #reads = new Set<Promise<unknown>>()
  #end: string | undefined

  /** @param where The session, for messages. */
  constructor(where: string) {
    this.#where = where
  }

  /** @throws {SessionError} when the session has ended, or a call that changes its state is running. */
  requireIdle(name: string): void {
    this.#requireOpen(name)
    if (this.#running)
      throw new SessionError({
        where: `${this.#where}, ${name}`,
        what: `${this.#running.name} is still running`,
        expected: 'one call at a time',
        fix: 'Await each call before the next one, and use a session in one Trainer at a time.',
      })
  }

  /** Runs a call that changes the state. @throws {SessionError} as {@link requireIdle} does. */
  async change<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
    this.requireIdle(name)
    const done = call()
    const running = { name, done: done.catch(() => undefined) }
    this.#running = running
    try {
      return await done
    } finally {
      if (this.#running === running) this.#running = undefined
    }
  }

  /** Runs a call that reads the state, after a change that is running. @throws {SessionError} when it has ended. */
  async read<Result>(name: string, call: () => Promise<Result>): Promise<Result> {
    this.#requireOpen(name)
    while (this.#running) await this.#running.done
    this.#requireOpen(name)
    const done = call()
    const settled: Promise<unknown> = done.then(
      () => this.#reads.delete(settled),
      () => this.#reads.delete(settled),
    )
    this.#reads.add(settled)
    return done
  }

  /** Waits for the calls that read the state. */
  async reads(): Promise<void> {
    await Promise.all(this.#reads)
  }

  /** Calls `free`, for what was replaced: at once, or after the calls that read the state, which have it as it was. */
  afterReads(free: () => void): void {
    if (this.#reads.size === 0) free()
    else void this.reads().then(free)
  }

  /** Refuses all later calls, and waits for those that run; false if the session had ended before. */
  async end(why: string): Promise<boolean> {
    if (this.#end !== undefined) return false
    this.#end = why
    await Promise.all([this.#running?.done, this.reads()])
    return true
  }

  #requireOpen(name: string): void {
    if (this.#end !== undefined)
      throw new SessionError({
        where: `${this.#where}, ${name}`,
        what: this.#end,
        fix: 'Create another session; getState and setState carry its state over.',
      })
  }
}
