// Checks the element types that a graph declares against its tensors and against type inference.

import { requireKind } from '../door.ts'
import { GraphError } from '../errors.ts'
import { getValue, type Graph } from '../ir/graph.ts'
import { inferTypes } from './add-node.ts'
import { isOperator, operators } from './index.ts'

/**
 * Checks the declared element type of every value: an initializer's against its tensor, a node's inputs against its
 * operator, its outputs against inference. Nodes of operators without a row in the table are skipped.
 * @throws {GraphError | ShapeError} naming the node and the value; a runtime would refuse the graph.
 */
export function checkTypes(graph: Graph): void {
  requireKind('checkTypes, graph', graph, 'graph')
  for (const [name, { dtype }] of graph.initializers) sameType(graph, `initializer "${name}"`, name, dtype)
  for (const node of graph.nodes) {
    if (!isOperator(node.opType) || (operators[node.opType].domain ?? '') !== node.domain) continue
    const types = inferTypes(graph, node, node.outputs.length)
    node.outputs.forEach((name, i) => {
      if (name !== '') sameType(graph, `${node.opType} "${node.name}", output "${name}"`, name, types[i]?.dtype)
    })
  }
}

function sameType(graph: Graph, where: string, name: string, found: string | undefined): void {
  const { dtype } = getValue(graph, name)
  if (dtype !== found)
    throw new GraphError({
      where,
      what: 'its element type is not the one that the graph declares',
      expected: dtype,
      found: String(found),
    })
}
