// Keeps workers that nothing refers to but their own listeners, such as the runtime's threads until all have started.
// Firefox (153) collects one that waits for messages, even while a message of it is on its way: who waits for that
// message waits in vain.

/** What holds them: a variable of a module is never collected. */
const kept = new Set<object>()

/** Keeps a worker. @returns What lets it go. */
export function keepWorker(worker: object): () => void {
  kept.add(worker)
  return () => void kept.delete(worker)
}

/** Keeps the workers that this thread starts until the promise is settled. */
export async function keepingWorkers<Result>(start: () => Promise<Result>): Promise<Result> {
  const { Worker: Own } = globalThis
  // A browser without workers in workers computes on one thread.
  if (!Own) return start()
  const letGo: (() => void)[] = []
  globalThis.Worker = class extends Own {
    constructor(...parameters: ConstructorParameters<typeof Own>) {
      super(...parameters)
      letGo.push(keepWorker(this))
    }
  }
  try {
    return await start()
  } finally {
    globalThis.Worker = Own
    for (const release of letGo) release()
  }
}
