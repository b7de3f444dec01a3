// Downloads tensors from the device to the host by running a graph that copies them: the only way that works in every
// build of the runtime. Loaded for devices on which tensors stay.

import { addInput, build, createGraph, type Graph } from '@cola/graph'
import type { Block } from '../artifacts/blocks.ts'
import type { ResolvedDevice } from '../runtime/devices.ts'
import { openSession } from '../runtime/open-session.ts'
import type { OrtTensor, OrtTensors } from '../runtime/ort.ts'

/** A graph that copies each input to an output on the host. */
function downloadGraph(tensors: ReadonlyMap<string, Pick<Block, 'dims'>>): Graph {
  const graph = createGraph('download')
  const g = build(graph)
  for (const [name, { dims }] of tensors) {
    const value = addInput(graph, name, 'float32', dims)
    g.node('Identity', [value], { outputs: [`${name}.out`] })
    graph.outputs.push(`${name}.out`)
  }
  return graph
}

/** Copies tensors of the device to the host. */
export interface Download {
  /** The tensors under the same names. */
  readonly run: (tensors: OrtTensors) => Promise<OrtTensors>
  readonly release: () => Promise<void>
}

/** Opens a session that downloads tensors of these names. */
export async function openDownload(
  tensors: Parameters<typeof downloadGraph>[0],
  device: ResolvedDevice,
): Promise<Download> {
  const session = await openSession({ graph: downloadGraph(tensors) }, device)
  return {
    async run(feeds) {
      const results = await session.run(feeds)
      return Object.fromEntries(Object.keys(feeds).map((name) => [name, results[`${name}.out`] as OrtTensor]))
    },
    release: () => session.release(),
  }
}
