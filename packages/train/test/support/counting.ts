import { addInitializer, addInput, build, createGraph, float32, type Graph } from '@cola/graph'

/**
 * Logits [batch, 3] that say what was fed: the sum of the ids of real tokens, their number, and how many are of type 1.
 */
export function counting(vocabulary: number): Graph {
  const graph = createGraph('counting')
  const g = build(graph)
  const grid = ['batch', 'sequence']
  const ids = addInput(graph, 'input_ids', 'int64', grid)
  const mask = g.Cast(addInput(graph, 'attention_mask', 'int64', grid), { to: 1 })
  const types = g.Cast(addInput(graph, 'token_type_ids', 'int64', grid), { to: 1 })
  const table = Float32Array.from({ length: 3 * vocabulary }, (_, i) => [i / 3, 1, 0][i % 3] as number)
  const states = g.Gather(addInitializer(graph, 'embedding.weight', float32([vocabulary, 3], table)), ids)
  const typed = g.Mul(
    g.Unsqueeze(types, g.int64([2])),
    addInitializer(graph, 'types', float32([3], Float32Array.of(0, 0, 1))),
  )
  const real = g.Mul(g.Add(states, typed), g.Unsqueeze(mask, g.int64([2])))
  g.node('ReduceSum', [real, g.int64([1])], { attributes: { keepdims: 0 }, outputs: ['logits'] })
  graph.outputs = ['logits']
  return graph
}
