// Names of parameters that a file stores in fewer bits and casts: `wte.weight.float16`, of which a Cast makes
// `wte.weight`. Once the graph is widened the Cast goes, and its name with it.

import { type Graph, renameValues } from '@cola/graph'
import { isParameter } from './module-paths.ts'

/** Gives stored matrices the name of the parameter that their Cast makes, in place. */
export function takeCastNames(graph: Graph): void {
  const swapped = graph.nodes.flatMap(({ opType, inputs, outputs }) => {
    const [stored = '', parameter = ''] = [inputs[0], outputs[0]]
    const isStored = opType === 'Cast' && graph.initializers.has(stored) && !isParameter(stored)
    return isStored && isParameter(parameter) ? ([[stored, parameter]] as const) : []
  })
  // One matrix may be cast for several parameters.
  const once = [...new Map(swapped)]
  renameValues(
    graph,
    new Map(
      once.flatMap(
        ([stored, parameter]) =>
          [
            [stored, parameter],
            [parameter, stored],
          ] as const,
      ),
    ),
  )
}
