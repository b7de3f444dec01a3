// GPT-2's graph with the inputs of an exported model: padded `input_ids` and `attention_mask` in place of packed rows.

import { requireKind } from '@cola/graph/door'
import {
  addDims,
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  type Dim,
  getValue,
  type Graph,
  type Model,
  mulDims,
  renameValues,
  tensor,
  uniqueName,
  type Value,
} from '@cola/graph'

/**
 * A copy for other programs. Its inputs are int64 `input_ids` and `attention_mask` [batch, sequence], padded on either
 * side. Positions count real tokens; a classifier reads the last one. Outputs with one row per token have the shape
 * [batch, sequence, width]. Of a model with a cache, the mask is of all tokens, [batch, past_sequence + sequence], and
 * the cache has transformers.js's names: inputs `past_key_values.I.key` and `past_key_values.I.value` [batch, n_head,
 * past_sequence, n_embd / n_head], outputs `present.I.key` and `present.I.value` of all tokens.
 */
export function withPaddedInputs(model: Model): Graph {
  requireKind('withPaddedInputs, model', model, 'model')
  const { graph: packed } = model
  const graph = createGraph(packed.name)
  const g = build(graph)
  const caches = packed.inputs.filter((name) => name.startsWith(cachePrefix))
  const all = caches.length > 0 ? addDims('past_sequence', 'sequence') : 'sequence'
  const ids = addInput(graph, 'input_ids', 'int64', ['batch', 'sequence'])
  const mask = addInput(graph, 'attention_mask', 'int64', ['batch', all])
  const int32 = { to: 6 }
  const segments = g.Cast(mask, int32)
  const positions = g.Mul(g.Sub(g.CumSum(segments, g.scalar(1, 'int32')), g.scalar(1, 'int32')), segments)
  const replacements: Record<string, Value> = { input_ids: g.Cast(ids, int32) }
  for (const name of caches) replacements[name] = addCache(graph, getValue(packed, name))
  const tokens = caches.length > 0 ? inTwo(g, ids, replacements[caches[0] as string] as Value) : asTheyAre
  Object.assign(replacements, tokens('position_ids', positions), tokens('segment_ids', segments))
  for (const [name, compute] of Object.entries(poolingInputs))
    if (packed.inputs.includes(name)) replacements[name] = compute(g, segments, positions)
  return withGrid(inline(graph, packed, replacements), ids)
}

/** Begin of the names of a cache's inputs. */
const cachePrefix = 'past.'

/** An input of keys or values of earlier tokens, [batch, heads, past_sequence, size]. */
function addCache(graph: Graph, { name, dtype, shape }: Value): Value {
  const [, heads, , size] = shape as [Dim, Dim, Dim, Dim]
  const ownName = name.replace(cachePrefix, 'past_key_values.')
  return addInput(graph, ownName, dtype, ['batch', heads, 'past_sequence', size])
}

const asTheyAre = (name: string, values: Value): Record<string, Value> => ({ [name]: values })

/** Takes numbers of all tokens, [batch, past_sequence + sequence], apart: of those in the cache, and of new ones. */
function inTwo(g: Builder, ids: Value, cache: Value): typeof asTheyAre {
  const [zero, axis] = [g.int64([0]), g.int64([1])]
  const count = g.Shape(cache, { start: 2, end: 3 })
  const total = g.Add(count, g.Shape(ids, { start: 1, end: 2 }))
  return (name, values) => ({
    [`past_${name}`]: g.Slice(values, zero, count, axis),
    [name]: g.Reshape(g.Slice(values, count, total, axis), g.Shape(ids)),
  })
}

/** Reshapes outputs with one row per token, [batch * sequence, width], to [batch, sequence, width]. */
function withGrid(graph: Graph, ids: Value): Graph {
  const g = build(graph)
  const tokens = mulDims('batch', 'sequence')
  for (const name of graph.outputs) {
    const { shape } = getValue(graph, name)
    if (shape.length !== 2 || shape[0] !== tokens) continue
    const flat = uniqueName(graph, `${name}.flat`)
    renameValues(graph, new Map([[name, flat]]))
    const dims = g.Concat(g.Shape(ids), g.int64([shape[1] as number]), { axis: 0 })
    g.node('Reshape', [getValue(graph, flat), dims], { name: `${name}.grid`, outputs: [name] })
    graph.outputs = graph.outputs.map((output) => (output === flat ? name : output))
  }
  return graph
}

/** Inputs of a pooled head, computed from int32 segments (1 at real tokens) and positions, [row, column]. */
const poolingInputs: Readonly<Record<string, (g: Builder, segments: Value, positions: Value) => Value>> = {
  last_token: (g, segments, positions) => flatArgMax(g, g.Add(positions, segments)),
  first_token: (g, segments) => flatArgMax(g, segments),
  pooling_weights: meanWeights,
}

/** Row indices 0 to rows - 1, int64 [row]. */
function rowNumbers(g: Builder, grid: Value): Value {
  const [zero, one] = [0n, 1n].map((value) =>
    g.constant(`number.${value}`, tensor('int64', [], BigInt64Array.of(value))),
  )
  return g.Range(zero as Value, g.Squeeze(g.Shape(grid, { start: 0, end: 1 }), g.int64([0])), one as Value)
}

/** row * columns + argmax of the row, int32 [row]; of equal values the first. */
function flatArgMax(g: Builder, grid: Value): Value {
  const column = g.ArgMax(g.Cast(grid, { to: 1 }), { axis: 1, keepdims: 0 })
  return g.Cast(g.Add(g.Mul(rowNumbers(g, grid), g.Shape(grid, { start: 1, end: 2 })), column), { to: 6 })
}

/** Weights of a mean over each row: 1 / length at its real tokens, 0 elsewhere, [row, row * column]. */
function meanWeights(g: Builder, segments: Value): Value {
  const real = g.Cast(segments, { to: 1 })
  const shares = g.Reshape(g.Div(real, g.ReduceSum(real, g.int64([1]))), g.int64([1, -1]))
  const rows = g.Unsqueeze(rowNumbers(g, segments), g.int64([1]))
  const rowOfToken = g.Reshape(g.Expand(rows, g.Shape(segments)), g.int64([1, -1]))
  return g.Mul(g.Cast(g.Equal(rowOfToken, rows), { to: 1 }), shares)
}

/** Appends the nodes of `source` to `graph`; values of `graph` replace its inputs. */
function inline(graph: Graph, source: Graph, replacements: Readonly<Record<string, Value>>): Graph {
  const g = build(graph)
  const renamed = new Map(source.inputs.map((name) => [name, replacements[name] as Value]))
  for (const [name, value] of source.initializers) if (!graph.values.has(name)) addInitializer(graph, name, value)
  for (const node of source.nodes) {
    const inputs = node.inputs.map((name) =>
      name === '' ? null : (renamed.get(name) ?? (graph.values.get(name) as Value)),
    )
    const outputs = node.outputs.map((name) => (graph.values.has(name) ? `packed.${name}` : name))
    const results = g.node(node.opType as 'Add', inputs, {
      name: outputs[0] as string,
      outputs,
      attributes: node.attributes,
    })
    for (const [i, name] of node.outputs.entries()) renamed.set(name, results[i] as Value)
  }
  graph.outputs = source.outputs.map((name) => renamed.get(name)?.name as string)
  graph.metadata = { ...source.metadata }
  return graph
}
