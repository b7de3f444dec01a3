// One thing at a time: the runtime runs one session at once. Work that is long lets short questions in between.

export interface Jobs {
  /** Runs work after what was asked for before. */
  readonly long: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** Runs work before the next step of long work, or at once when there is none. */
  readonly short: <Result>(work: () => Promise<Result>) => Promise<Result>
  /** Called by long work between its steps: handles messages, runs the short work that waits, and pauses. */
  readonly between: () => Promise<void>
  readonly pause: (paused: boolean) => void
}

export function createJobs(): Jobs {
  let last: Promise<unknown> = Promise.resolve()
  let running = 0
  let paused = false
  let wake = () => {}
  const waiting: (() => Promise<unknown>)[] = []
  const long: Jobs['long'] = (work) => {
    running++
    const result = last.then(work).finally(async () => {
      running--
      if (running === 0) await drain()
    })
    last = result.catch(() => undefined)
    return result
  }
  const drain = async () => {
    for (let work = waiting.shift(); work; work = waiting.shift()) await work()
  }
  return {
    long,
    short: (work) =>
      running === 0
        ? long(work)
        : new Promise((resolve, reject) => {
            waiting.push(() => work().then(resolve, reject))
            wake()
          }),
    between: async () => {
      do {
        // Messages arrive only when the worker's event loop turns.
        await macrotask()
        await drain()
        if (paused)
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      } while (paused || waiting.length > 0)
    },
    pause: (value) => {
      paused = value
      wake()
    },
  }
}

const channel = new MessageChannel()

/** Resolves after the messages that have come were handled. */
const macrotask = (): Promise<void> =>
  new Promise((resolve) => {
    channel.port1.onmessage = () => resolve()
    channel.port2.postMessage(undefined)
  })
