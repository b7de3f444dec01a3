// Downloads tensors from the device to the host by running a graph that copies them: the only way that works in every
// build of the runtime.

import { addInput, build, createGraph, type Graph } from '@cola/graph'
import type { Block } from '../artifacts/blocks.ts'
import type { OrtSession, OrtTensor, OrtTensors } from '../runtime/ort.ts'

/** A graph that copies each input to an output on the host. */
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

/** Runs a session of {@link downloadGraph}. */
export async function download(session: OrtSession, tensors: OrtTensors): Promise<OrtTensors> {
  const results = await session.run(tensors)
  return Object.fromEntries(Object.keys(tensors).map((name) => [name, results[`${name}.out`] as OrtTensor]))
}
