// SIGINT and SIGTERM as an AbortSignal: the run saves a checkpoint after the current step, then returns.

interface SignalSource {
  on: (name: string, listener: () => void) => unknown
  off: (name: string, listener: () => void) => unknown
}

/**
 * An AbortSignal that fires at the first SIGINT or SIGTERM; `dispose` restores the default behaviour. In a browser it
 * never fires.
 */
export function stopSignal(): {
  signal: AbortSignal
  /** Stops listening. */
  dispose: () => void
} {
  const controller = new AbortController()
  const source = (globalThis as { process?: SignalSource }).process
  const names = ['SIGINT', 'SIGTERM']
  const dispose = () => {
    for (const name of names) source?.off?.(name, stop)
  }
  const stop = () => {
    controller.abort()
    dispose()
  }
  for (const name of names) source?.on?.(name, stop)
  return { signal: controller.signal, dispose }
}
