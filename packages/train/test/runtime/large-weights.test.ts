// Weights of more than a megabyte go to the runtime as files in memory, one each.

import { addInitializer, addInput, build, createGraph, toFloat32, type Tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { defaultDevice, openSession, OrtTensor } from '../../src/index.ts'
import { hasFiles } from '../../src/files/node.ts'

const width = 600

/** A matrix at an odd place of a longer array, as in a file, and how often it was read. */
function matrix(factor: number): { tensor: Tensor; reads: () => number } {
  const bytes = new Uint8Array(4 * width * width + 1).subarray(1)
  const view = new DataView(bytes.buffer, 1)
  for (let i = 0; i < width * width; i++) view.setFloat32(4 * i, factor * ((i % 7) - 3), true)
  let count = 0
  const read = () => {
    count += 1
    return bytes
  }
  return { tensor: { dtype: 'float32', dims: [width, width], bytes: read }, reads: () => count }
}

const devices = hasFiles() ? (['cpu', 'webgpu'] as const) : [defaultDevice()]
const isThere = (device: string): boolean => device !== 'webgpu' || process.env.VK_ICD_FILENAMES !== undefined

describe.each(devices.filter(isThere))('on %s', (device) => {
  it('are read once, two names of one tensor as well, wherever their bytes lie', async () => {
    const [a, b] = [matrix(1), matrix(0.5)]
    const graph = createGraph('large')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [1, width])
    const weights = ['a', 'b', 'twin'].map((name) => addInitializer(graph, name, name === 'b' ? b.tensor : a.tensor))
    const products = weights.map((weight) => g.MatMul(x, weight))
    g.node('Concat', products, { outputs: ['y'], attributes: { axis: 0 } })
    graph.outputs = ['y']
    const session = await openSession({ graph }, device)
    const row = Float32Array.from({ length: width }, (_, i) => Number(i === 5))
    const result = await session.run({ x: new OrtTensor('float32', row, [1, width]) })
    const y = (await (result.y as OrtTensor).getData()) as Float32Array
    await session.release()
    expect([a.reads(), b.reads()]).toEqual([1, 1])
    const rows = [a, b, a].map(({ tensor }) => toFloat32(tensor).subarray(5 * width, 6 * width))
    expect([...y]).toEqual(rows.flatMap((values) => [...values]))
  })
})
