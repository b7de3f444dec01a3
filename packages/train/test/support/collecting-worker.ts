// A worker that waits for workers of its own while its browser collects garbage.

import { addInput, build, createGraph, float32 } from '@cola/graph'
import { openSession } from '../../src/runtime/open-session.ts'
import { OrtTensor } from '../../src/runtime/ort.ts'
import { startThread } from '../../src/worker/thread.ts'

/** Answers after 50 ms without an event, in which garbage is collected. */
const slowScript = `onmessage = () => {
  for (const end = performance.now() + 50; performance.now() < end; );
  postMessage({ warning: 'answered' })
}`

const waits = {
  /** Starts the runtime's threads. */
  async runtime(): Promise<string> {
    const graph = createGraph('add_one')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [1])
    g.node('Add', [x, g.constant('one', float32([1], Float32Array.of(1)))], { outputs: ['y'] })
    graph.outputs = ['y']
    const session = await openSession({ graph }, 'wasm')
    await session.run({ x: new OrtTensor('float32', Float32Array.of(1), [1]) })
    await session.release()
    return 'answered'
  },

  /** Waits for a message of a training worker. */
  'training worker': () =>
    new Promise<string>((resolve, reject) => {
      const script = URL.createObjectURL(new Blob([slowScript]))
      const receiver = { onMessage: (message: object) => resolve(Object.values(message)[0]), onEnd: reject }
      startThread(receiver, () => new Worker(script)).then(
        (thread) => thread.post({ id: 0, method: 'getParameters', args: [] }),
        reject,
      )
    }),
}

export type Wait = keyof typeof waits

/** Makes garbage in each turn of the worker's loop, as much as has it collected. */
function litter(): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    Array.from({ length: 48 }, (_, i) => new Uint8Array(2 ** 20).fill(i))
    port2.postMessage('again')
  }
  port2.postMessage('first')
}

globalThis.onmessage = async ({ data }: MessageEvent<Wait>) => {
  litter()
  postMessage(await waits[data]().catch(String))
}
