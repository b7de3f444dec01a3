// Reading a model with the options of inference.

import { expect, it } from 'vitest'
import { addInput, createGraph, type Graph, type Node, readModel, writeModel } from '../../src/index.ts'

/** Attention of the runtime with packed queries, keys and values: 2 heads and 1 group of 4 numbers. */
function packedAttention(): Graph {
  const graph = createGraph('attention')
  addInput(graph, 'x', 'float32', ['batch', 'sequence', 16])
  addInput(graph, 'last', 'int32', ['batch'])
  addInput(graph, 'total', 'int32', [1])
  const node: Node = {
    name: 'attention',
    opType: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: ['x', '', '', '', '', 'last', 'total'],
    outputs: ['y'],
    attributes: { num_heads: 2, kv_num_heads: 1 },
  }
  graph.nodes.push(node)
  graph.values.set('y', { name: 'y', dtype: 'float32', shape: ['batch', 'sequence', 8] })
  graph.outputs = ['y']
  return graph
}

const operatorsOf = (graph: Graph): string[] => graph.nodes.map(({ opType }) => opType)

it('decomposes attention, or keeps it with three inputs', () => {
  const bytes = writeModel(packedAttention())
  expect(operatorsOf(readModel(bytes))).not.toContain('GroupQueryAttention')
  const kept = readModel(bytes, { keepAttention: true })
  expect(operatorsOf(kept)).toEqual(['Split', 'GroupQueryAttention'])
  expect(kept.nodes[1]?.inputs.slice(0, 3)).toEqual(kept.nodes[0]?.outputs)
})
