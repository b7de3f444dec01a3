// How fast the runtime multiplies with the embedded model's frozen matrices, alone. It runs in Node and in a browser.

import { random } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32 } from '@cola/graph'
import { openSession, OrtTensor } from '@cola/train'

/** Tokens of a training batch, and the sizes of the model's MLP. */
const [tokens, width, inner] = [128, 128, 512]
/** How often the tokens go through the MLP's two matrices in a run, so that a run is long beside its start. */
const layers = 4
const runs = 60

/** GFLOP/s in the fastest of some runs: what else the machine does does not slow that one. */
export async function productRate(device: 'cpu' | 'wasm'): Promise<number> {
  const graph = createGraph('products')
  const g = build(graph)
  const stream = random(1, 'products')
  const numbers = (...dims: [number, number]) =>
    Float32Array.from({ length: dims[0] * dims[1] }, () => stream.uniform() / dims[0])
  const matrix = (name: string, ...dims: [number, number]) =>
    addInitializer(graph, name, float32(dims, numbers(...dims)))
  const [up, down] = [matrix('up', width, inner), matrix('down', inner, width)]
  let x = addInput(graph, 'x', 'float32', [tokens, width])
  for (let layer = 0; layer < layers; layer++) x = g.Gemm(g.Gemm(x, up), down)
  g.node('Slice', [x, g.int64([0, 0]), g.int64([1, 1]), g.int64([0, 1])], { outputs: ['y'] })
  graph.outputs.push('y')
  const session = await openSession({ graph, packWeights: true }, device)
  const feeds = { x: new OrtTensor('float32', numbers(tokens, width), [tokens, width]) }
  let fastest = Number.POSITIVE_INFINITY
  for (let run = 0; run < runs; run++) {
    const started = performance.now()
    await session.run(feeds)
    fastest = Math.min(fastest, performance.now() - started)
  }
  await session.release()
  return (layers * 4 * tokens * width * inner) / fastest / 1e6
}
