// Whether a signal that ends long work has fired.

import { abortSignal, checkValue } from '@cola/graph/options'
import { hasFiles } from '../files/node.ts'

/**
 * Whether a signal has fired, also by a timer or a message that waits: in a browser the runtime computes on the thread
 * that calls it, and between two runs nothing else would have its turn.
 * @throws {ConfigError} for what is no signal.
 */
export async function hasFired(signal: AbortSignal | undefined): Promise<boolean> {
  if (signal === undefined) return false
  checkValue('hasFired, signal', signal, abortSignal)
  if (!hasFiles()) await nextTask()
  return signal.aborted
}

/** By a message: browsers let a timer wait for 4 ms where one follows the other. */
const nextTask = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
