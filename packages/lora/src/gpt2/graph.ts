// GPT-2 as a graph over packed batches (@cola/data, packSentences): token-wise layers see real tokens only, as
// matrices. Radford et al. 2019; names and numbers as transformers' GPT2ForSequenceClassification and GPT2LMHeadModel.

import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  dropout as dropoutOf,
  getValue,
  type Graph,
  type Model,
  mulDims,
  renameValues,
  type Tensor,
  tensor,
  transposeMatrix,
  uniqueName,
  type Value,
} from '@cola/graph'
import type { Gpt2Config } from './config.ts'
import type { Gpt2Head } from './parameters.ts'

export interface Gpt2Options {
  /** @default 'classification' */
  head?: Gpt2Head
  /** Dropout probabilities: the configuration's, or none. @default 'none' */
  dropout?: 'config' | 'none'
  /**
   * For generation: keys and values of earlier tokens are inputs, `past.I.key` and `past.I.value` [row, n_head, past,
   * n_embd / n_head] with `past_position_ids` and `past_segment_ids` int32 [row, past], and those of all tokens are
   * outputs, `present.I.key` and `present.I.value`.
   * @default false
   */
  cache?: boolean
}

interface Context {
  readonly g: Builder
  readonly config: Gpt2Config
  readonly weight: (name: string) => Value
  readonly dropout: (x: Value, p: number, name: string) => Value
  /** Additive attention bias [row, 1, column, past + column]. */
  readonly bias: Value
  /** Adds the keys or values of earlier tokens before a block's own, [row, n_head, column, size]. */
  readonly withPast: (own: Value, block: number, kind: 'key' | 'value') => Value
  /** A value of shape [row, column, n_embd], whose shape gives rows back their grid. */
  readonly grid: Value
}

/**
 * Builds the graph.
 * Inputs, int32: `input_ids`, `position_ids`, `segment_ids` [row, column]; `last_token` [batch] for classification.
 * Output: `logits` [batch, labels], or [row * column, vocab_size] for language modelling; without a head,
 * `last_hidden_state` [row * column, n_embd].
 * Parameters keep transformers' names; none is trainable yet.
 */
export function gpt2(
  config: Gpt2Config,
  parameters: ReadonlyMap<string, Tensor>,
  { head = 'classification', dropout = 'none', cache = false }: Gpt2Options = {},
): Model {
  const graph = createGraph('gpt2')
  graph.metadata.model_type = config.model_type
  const g = build(graph)
  for (const [name, value] of parameters) addInitializer(graph, name, value)
  const weight = (name: string): Value => graph.values.get(name) as Value
  const drop = (x: Value, p: number, name: string): Value => dropoutOf(g, x, dropout === 'none' ? 0 : p, name)

  const [inputIds, positionIds, segmentIds] = ['input_ids', 'position_ids', 'segment_ids'].map((name) =>
    addInput(graph, name, 'int32', ['row', 'column']),
  ) as [Value, Value, Value]
  const grid = g.Add(
    g.Gather(weight('transformer.wte.weight'), inputIds),
    g.Gather(weight('transformer.wpe.weight'), positionIds),
  )
  const pastOf = (name: string, own: Value): Value =>
    cache ? g.Concat(addInput(graph, `past_${name}`, 'int32', ['row', 'past']), own, { axis: 1 }) : own
  const keys = { positions: pastOf('position_ids', positionIds), segments: pastOf('segment_ids', segmentIds) }
  const bias = attentionBias(g, { positions: positionIds, segments: segmentIds }, keys)
  const size = config.n_embd / config.n_head
  const withPast: Context['withPast'] = (own, i, kind) => {
    if (!cache) return own
    const past = addInput(graph, `past.${i}.${kind}`, 'float32', ['row', config.n_head, 'past', size])
    return g.node('Concat', [past, own], { attributes: { axis: 2 }, outputs: [`present.${i}.${kind}`] })[0] as Value
  }
  const context: Context = { g, config, weight, dropout: drop, grid, bias, withPast }
  const last = head === 'classification' ? addInput(graph, 'last_token', 'int32', ['batch']) : undefined

  let x = drop(g.Reshape(grid, g.int64([-1, config.n_embd])), config.embd_pdrop, 'transformer.drop')
  for (let i = 0; i < config.n_layer; i++) x = block(context, x, i, i === config.n_layer - 1 ? last : undefined)
  x = layerNorm(context, x, 'transformer.ln_f')
  const output = outputs[head](g, x, weight)
  graph.outputs = [output, ...(cache ? cachedValues(config).map((name) => `present.${name}`) : [])]
  return { graph, trainable: new Set() }
}

/** What ends the model; the name of the output. */
const outputs: { readonly [Head in Gpt2Head]: (g: Builder, x: Value, weight: Context['weight']) => string } = {
  classification: (g, x, weight) => projected(g, x, weight('score.weight'), 'score'),
  'language-model': (g, x, weight) => projected(g, x, weight('transformer.wte.weight'), 'lm_head'),
  none: (g, x) => {
    g.node('Identity', [x], { outputs: ['last_hidden_state'] })
    return 'last_hidden_state'
  },
}

function projected(g: Builder, x: Value, matrix: Value, name: string): string {
  g.node('Gemm', [x, matrix], { name, outputs: ['logits'], attributes: { transB: 1 } })
  return 'logits'
}

/** Names of what a cache holds: `0.key`, `0.value`, `1.key`, ... */
export const cachedValues = ({ n_layer }: Gpt2Config): string[] =>
  Array.from({ length: n_layer }, (_, i) => [`${i}.key`, `${i}.value`]).flat()

/** 0 where a token may look, -1e9 where not: its own sentence, up to its own position. */
function attentionBias(g: Builder, queries: Placed, keys: Placed): Value {
  const rows = (value: Value) => g.Unsqueeze(value, g.int64([2]))
  const columns = (value: Value) => g.Unsqueeze(value, g.int64([1]))
  const same = g.Equal(rows(queries.segments), columns(keys.segments))
  const allowed = g.And(same, g.GreaterOrEqual(rows(queries.positions), columns(keys.positions)))
  return g.Unsqueeze(g.Where(allowed, g.scalar(0), g.scalar(-1e9)), g.int64([1]))
}

interface Placed {
  positions: Value
  segments: Value
}

function layerNorm({ g, config, weight }: Context, x: Value, name: string): Value {
  return g.node('LayerNormalization', [x, weight(`${name}.weight`), weight(`${name}.bias`)], {
    name,
    attributes: { axis: -1, epsilon: config.layer_norm_epsilon },
  })[0] as Value
}

/** transformers' Conv1D: x W + b with W [in, out]. */
function conv1d({ g, weight }: Context, x: Value, name: string): Value {
  return g.node('Gemm', [x, weight(`${name}.weight`), weight(`${name}.bias`)], { name })[0] as Value
}

/**
 * One pre-norm block. With `last`, only those rows are needed from here on: after the keys and values have been read,
 * everything else of the last block runs on them alone, which changes no logit.
 */
function block(context: Context, x: Value, i: number, last?: Value): Value {
  const { g, config, dropout } = context
  const name = `transformer.h.${i}`
  const heads = attention(context, layerNorm(context, x, `${name}.ln_1`), name, i)
  const kept = (value: Value) => (last ? g.Gather(value, last) : value)
  const attended = dropout(
    conv1d(context, kept(heads), `${name}.attn.c_proj`),
    config.resid_pdrop,
    `${name}.attn.resid_dropout`,
  )
  const residual = g.Add(kept(x), attended)
  const hidden = g.Gelu(conv1d(context, layerNorm(context, residual, `${name}.ln_2`), `${name}.mlp.c_fc`), {
    approximate: config.activation_function === 'gelu' ? 'none' : 'tanh',
  })
  return g.Add(
    residual,
    dropout(conv1d(context, hidden, `${name}.mlp.c_proj`), config.resid_pdrop, `${name}.mlp.dropout`),
  )
}

/** softmax(q k' / sqrt(d) + bias) v for every head; the result is [tokens, n_embd]. */
function attention(context: Context, x: Value, name: string, i: number): Value {
  const { g, config, dropout, grid, bias, withPast } = context
  const size = config.n_embd / config.n_head
  const split = g.node(
    'Split',
    [conv1d(context, x, `${name}.attn.c_attn`), g.int64([config.n_embd, config.n_embd, config.n_embd])],
    {
      attributes: { axis: 1 },
      outputCount: 3,
    },
  )
  const heads = (part: Value) =>
    g.Transpose(g.Reshape(g.Reshape(part, g.Shape(grid)), g.int64([0, 0, config.n_head, size])), { perm: [0, 2, 1, 3] })
  const [q, k, v] = [
    heads(split[0] as Value),
    withPast(heads(split[1] as Value), i, 'key'),
    withPast(heads(split[2] as Value), i, 'value'),
  ]
  const scale =
    (config.scale_attn_weights ? 1 / Math.sqrt(size) : 1) / (config.scale_attn_by_inverse_layer_idx ? i + 1 : 1)
  const scores = g.Add(g.Mul(g.MatMul(q, transposeMatrix(g, k)), g.scalar(scale)), bias)
  const probabilities = dropout(g.Softmax(scores, { axis: -1 }), config.attn_pdrop, `${name}.attn.attn_dropout`)
  return g.Reshape(g.Transpose(g.MatMul(probabilities, v), { perm: [0, 2, 1, 3] }), g.int64([-1, config.n_embd]))
}

/**
 * A copy that takes what other programs feed: int64 `input_ids` and `attention_mask` [batch, sequence], padded on
 * either side. Positions count real tokens; a classifier is read at the last one. Outputs of one row a token have the
 * shape [batch, sequence, width].
 */
export function withPaddedInputs({ graph: packed }: Model): Graph {
  const graph = createGraph(packed.name)
  const g = build(graph)
  const [ids, mask] = ['input_ids', 'attention_mask'].map((name) =>
    addInput(graph, name, 'int64', ['batch', 'sequence']),
  ) as [Value, Value]
  const int32 = { to: 6 }
  const segments = g.Cast(mask, int32)
  const positions = g.Mul(g.Sub(g.CumSum(segments, g.scalar(1, 'int32')), g.scalar(1, 'int32')), segments)
  const given: Record<string, Value> = { input_ids: g.Cast(ids, int32), position_ids: positions, segment_ids: segments }
  for (const [name, place] of Object.entries(places))
    if (packed.inputs.includes(name)) given[name] = place(g, segments, positions)
  return withGrid(inline(graph, packed, given), ids)
}

/** Gives outputs of one row a token, [batch * sequence, width], the shape [batch, sequence, width]. */
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

/** What a pooled head reads, from int32 segments (1 at real tokens) and positions, [row, column]. */
const places: Readonly<Record<string, (g: Builder, segments: Value, positions: Value) => Value>> = {
  last_token: (g, segments, positions) => placeOfGreatest(g, g.Add(positions, segments)),
  first_token: (g, segments) => placeOfGreatest(g, segments),
  pooling_weights: meanWeights,
}

/** Numbers 0 to rows - 1, int64 [row]. */
function rowNumbers(g: Builder, grid: Value): Value {
  const [zero, one] = [0n, 1n].map((value) =>
    g.constant(`number.${value}`, tensor('int64', [], BigInt64Array.of(value))),
  )
  return g.Range(zero as Value, g.Squeeze(g.Shape(grid, { start: 0, end: 1 }), g.int64([0])), one as Value)
}

/** row * columns + place of the first greatest value, int32 [row]. */
function placeOfGreatest(g: Builder, grid: Value): Value {
  const place = g.ArgMax(g.Cast(grid, { to: 1 }), { axis: 1, keepdims: 0 })
  return g.Cast(g.Add(g.Mul(rowNumbers(g, grid), g.Shape(grid, { start: 1, end: 2 })), place), { to: 6 })
}

/** 1 / length where a token is the row's, 0 elsewhere, [row, row * column]. */
function meanWeights(g: Builder, segments: Value): Value {
  const real = g.Cast(segments, { to: 1 })
  const shares = g.Reshape(g.Div(real, g.ReduceSum(real, g.int64([1]))), g.int64([1, -1]))
  const rows = g.Unsqueeze(rowNumbers(g, segments), g.int64([1]))
  const rowOfToken = g.Reshape(g.Expand(rows, g.Shape(segments)), g.int64([1, -1]))
  return g.Mul(g.Cast(g.Equal(rowOfToken, rows), { to: 1 }), shares)
}

/** Appends the nodes of `source` to `graph`, its inputs replaced by values of `graph`. */
function inline(graph: Graph, source: Graph, given: Readonly<Record<string, Value>>): Graph {
  const g = build(graph)
  const renamed = new Map(source.inputs.map((name) => [name, given[name] as Value]))
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
