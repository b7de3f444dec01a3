// Measures devices by a product of matrices: a GPU may be a software adapter, a hundred times slower than the
// processor.

import { addInput, build, createGraph, type Graph, type Value } from '@cola/graph'
import type { ResolvedDevice } from './devices.ts'
import { once } from './once.ts'
import { type OrtSession, OrtTensor } from './ort.ts'

type Open = (model: { graph: Graph }, device: ResolvedDevice) => Promise<OrtSession>

/** Rows and columns of the matrices. */
const size = 512

const measured = new Map<ResolvedDevice, Promise<number>>()

/** How many times slower a device multiplies than the processor; each is measured once in a process. */
export async function slownessOf(device: ResolvedDevice, processor: ResolvedDevice, open: Open): Promise<number> {
  const timeOf = (one: ResolvedDevice) => once(measured, one, () => measure(one, open))
  return (await timeOf(device)) / (await timeOf(processor))
}

/** Milliseconds of a product, the faster of two after the first, which compiles. */
async function measure(device: ResolvedDevice, open: Open): Promise<number> {
  const graph = createGraph('measure')
  const g = build(graph)
  const [a, b] = ['a', 'b'].map((name) => addInput(graph, name, 'float32', [size, size])) as [Value, Value]
  g.node('Slice', [g.MatMul(a, b), g.int64([0]), g.int64([1]), g.int64([0])], { outputs: ['row'] })
  graph.outputs = ['row']
  const session = await open({ graph }, device)
  try {
    const matrix = new OrtTensor('float32', new Float32Array(size ** 2).fill(1), [size, size])
    const times: number[] = []
    for (let run = 0; run < 3; run++) {
      const started = performance.now()
      await session.run({ a: matrix, b: matrix })
      times.push(performance.now() - started)
    }
    return Math.min(...times.slice(1))
  } finally {
    await session.release()
  }
}
