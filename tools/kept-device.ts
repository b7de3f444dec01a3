// The runtime lets go of its WebGPU device, and of the kernels that it has compiled, with its last session: a software
// GPU compiles them for seconds. A session that stays keeps them for the next.

import { addInput, build, createGraph } from '@cola/graph'
import { openSession, resolveDevice } from '@cola/train'

/** Opens a session of one node on WebGPU. @returns What releases it. */
export async function keepDevice(): Promise<() => Promise<void>> {
  const graph = createGraph('kept')
  build(graph).node('Neg', [addInput(graph, 'x', 'float32', [1])], { outputs: ['y'] })
  graph.outputs = ['y']
  const session = await openSession({ graph }, await resolveDevice('webgpu', graph))
  return () => session.release()
}
