// Sentences from hidden states: the state of one token, or the mean over the real tokens.

import { addInput, build, type Dim, type Graph, rowsAt, tensor, type Value } from '@cola/graph'
import type { Pooling } from '../inject/head.ts'

/** One pooled hidden state for each sentence, [batch, width]. */
export function pool(graph: Graph, states: Value, pooling: Pooling): Value {
  const g = build(graph)
  if (states.shape.length === 2) return poolPacked(graph, states, pooling)
  const [batch, sequence] = states.shape as [string, string, number]
  if (pooling === 'last') return rowsAt(graph, states, addInput(graph, 'last_token', 'int32', [batch]))
  if (pooling === 'first')
    return g.Gather(states, g.constant('first_token', tensor('int64', [], BigInt64Array.of(0n))), { axis: 1 })
  const weights = addInput(graph, 'token_weights', 'float32', [batch, sequence])
  return g.ReduceSum(g.Mul(states, g.Unsqueeze(weights, g.int64([2]))), g.int64([1]), { keepdims: 0 })
}

/** The same for hidden states of a packed batch, [token, width], whose rows contain several sentences. */
function poolPacked(graph: Graph, states: Value, pooling: Pooling): Value {
  const [tokens] = states.shape as [Dim]
  if (pooling === 'mean') {
    const weights = addInput(graph, 'pooling_weights', 'float32', ['batch', tokens])
    return build(graph).MatMul(weights, states)
  }
  return rowsAt(graph, states, addInput(graph, `${pooling}_token`, 'int32', ['batch']))
}
