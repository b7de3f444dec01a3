// What training changes: parameters, gradient buffers and optimizer state, on the host or on the device.

import { createGraph, addInput, build, type Graph, type Tensor, toFloat32 } from '@cola/graph'
import type { Block } from '../artifacts/blocks.ts'
import { type OrtSession, OrtTensor, type OrtTensors } from '../runtime/ort.ts'

/** float32 tensors by name, copied. */
export function hostTensors(tensors: ReadonlyMap<string, Tensor>): OrtTensors {
  return Object.fromEntries([...tensors].map(([name, data]) => [name, new OrtTensor('float32', toFloat32(data).slice(), data.dims)]))
}

/** Zeros of the shapes of blocks under `rename(name)`. */
export function zeroTensors(blocks: readonly Block[], rename: (name: string) => string): OrtTensors {
  return Object.fromEntries(blocks.map(({ name, dims }) => [rename(name), new OrtTensor('float32', new Float32Array(dims.reduce((a, b) => a * b, 1)), dims)]))
}

/** Releases device memory of a tensor that nothing will read again. */
export function dispose(tensor: OrtTensor | undefined): void {
  if (tensor && tensor.location !== 'cpu') tensor.dispose()
}

/** A graph that copies its inputs: run with outputs on the host it brings device tensors back, the one way that works everywhere. */
export function downloadGraph(tensors: ReadonlyMap<string, Pick<Block, 'dims'>>): Graph {
  const graph = createGraph('download')
  const g = build(graph)
  for (const [name, { dims }] of tensors) {
    const value = addInput(graph, name, 'float32', dims)
    g.node('Identity', [value], { outputs: [`${name}.out`] })
    graph.outputs.push(`${name}.out`)
  }
  return graph
}

/** Runs {@link downloadGraph}'s session. */
export async function download(session: OrtSession, tensors: OrtTensors): Promise<OrtTensors> {
  const results = await session.run(tensors)
  return Object.fromEntries(Object.keys(tensors).map((name) => [name, results[`${name}.out`] as OrtTensor]))
}
