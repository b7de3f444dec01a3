// A program that says what came of an opening or of a run. What else it prints, the runtime does.

import { addInput, build, createGraph, type Graph } from '@cola/graph'
import { openResolved, OrtTensor } from '../../src/index.ts'

/** One node that reads x [rows, 2]. */
function graphOf(opType: string, attributes = {}): Graph {
  const graph = createGraph('one')
  build(graph).node('Identity', [addInput(graph, 'x', 'float32', ['rows', 2])], { name: 'only', outputs: ['y'] })
  graph.nodes = graph.nodes.map((node) => ({ ...node, opType, attributes }))
  graph.outputs = ['y']
  return graph
}

const programs: Readonly<Record<string, () => Promise<string>>> = {
  cuda: async () => (await openResolved('auto', () => ({ graph: graphOf('Identity') }))).device,
  refused: async () => (await openResolved('cpu', () => ({ graph: graphOf('Strange') }))).device,
  fails: async () => {
    const graph = createGraph('outside')
    const [x, at] = [addInput(graph, 'x', 'float32', ['rows']), addInput(graph, 'at', 'int32', [1])]
    build(graph).node('Gather', [x, at], { outputs: ['y'] })
    graph.outputs = ['y']
    const { session } = await openResolved('cpu', () => ({ graph }))
    await session.run({
      x: new OrtTensor('float32', new Float32Array(3), [3]),
      at: new OrtTensor('int32', Int32Array.of(7), [1]),
    })
    return 'ran'
  },
}

console.log(await programs[process.argv[2] as string]?.().catch((error: Error) => error.name))
