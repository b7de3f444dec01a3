// GPT-2 as a graph over packed batches (@cola/data, packSentences): token-wise layers see real tokens only, as
// matrices. Radford et al. 2019; names and numbers as transformers' GPT2ForSequenceClassification and GPT2LMHeadModel.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, flag, oneOf } from '@cola/graph/options'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  dropout as dropoutOf,
  type Model,
  type Tensor,
  transposeMatrix,
  type Value,
} from '@cola/graph'
import type { Gpt2Config } from './config.ts'
import { type Gpt2Head, gpt2Heads } from './parameters.ts'

/** Options of the graph of GPT-2. */
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

/** Checks of {@link Gpt2Options}. */
export const gpt2Checks: Checks<Gpt2Options> = {
  head: oneOf(gpt2Heads),
  dropout: oneOf(['config', 'none']),
  cache: flag,
}

interface Context {
  readonly g: Builder
  readonly config: Gpt2Config
  readonly weight: (name: string) => Value
  readonly dropout: (x: Value, p: number, name: string) => Value
  /** Additive attention bias [row, 1, column, past + column]. */
  readonly bias: Value
  /** Puts the keys or values of earlier tokens before those of a block, [row, n_head, column, size]. */
  readonly withPast: (current: Value, block: number, kind: 'key' | 'value') => Value
  /** The embeddings, [row, column, n_embd]; attention takes its row and column dimensions from them. */
  readonly grid: Value
}

/**
 * Builds the graph.
 * Inputs, int32: `input_ids`, `position_ids`, `segment_ids` [row, column]; `last_token` [batch] for classification.
 * Output: `logits` [batch, labels], or [row * column, vocab_size] for language modelling; without a head,
 * `last_hidden_state` [row * column, n_embd].
 * Parameters keep transformers' names; none is trainable yet.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function gpt2(config: Gpt2Config, parameters: ReadonlyMap<string, Tensor>, options: Gpt2Options = {}): Model {
  checkOptions('gpt2', options, gpt2Checks)
  requireKind('gpt2, config', config, 'object')
  const { head = 'classification', dropout = 'none', cache = false } = options
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
  const pastOf = (name: string, current: Value): Value =>
    cache ? g.Concat(addInput(graph, `past_${name}`, 'int32', ['row', 'past']), current, { axis: 1 }) : current
  const keys = { positions: pastOf('position_ids', positionIds), segments: pastOf('segment_ids', segmentIds) }
  const bias = attentionBias(g, { positions: positionIds, segments: segmentIds }, keys)
  const size = config.n_embd / config.n_head
  const withPast: Context['withPast'] = (current, i, kind) => {
    if (!cache) return current
    const past = addInput(graph, `past.${i}.${kind}`, 'float32', ['row', config.n_head, 'past', size])
    return g.node('Concat', [past, current], { attributes: { axis: 2 }, outputs: [`present.${i}.${kind}`] })[0] as Value
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

/** The last layers of each head; they return the name of the output. */
const outputs: { readonly [Head in Gpt2Head]: (g: Builder, x: Value, weight: Context['weight']) => string } = {
  classification: (g, x, weight) => project(g, x, weight('score.weight'), 'score'),
  'language-model': (g, x, weight) => project(g, x, weight('transformer.wte.weight'), 'lm_head'),
  none: (g, x) => {
    g.node('Identity', [x], { outputs: ['last_hidden_state'] })
    return 'last_hidden_state'
  },
}

/** `logits` = x W' with W [labels or vocab_size, n_embd]. */
function project(g: Builder, x: Value, matrix: Value, name: string): string {
  g.node('Gemm', [x, matrix], { name, outputs: ['logits'], attributes: { transB: 1 } })
  return 'logits'
}

/** Names of the cached tensors: `0.key`, `0.value`, `1.key`, ... */
const cachedValues = ({ n_layer }: Gpt2Config): string[] =>
  Array.from({ length: n_layer }, (_, i) => [`${i}.key`, `${i}.value`]).flat()

/** 0 where a token attends (the same sentence, up to its own position), -1e9 elsewhere. */
function attentionBias(g: Builder, queries: TokenPositions, keys: TokenPositions): Value {
  const rows = (value: Value) => g.Unsqueeze(value, g.int64([2]))
  const columns = (value: Value) => g.Unsqueeze(value, g.int64([1]))
  const same = g.Equal(rows(queries.segments), columns(keys.segments))
  const allowed = g.And(same, g.GreaterOrEqual(rows(queries.positions), columns(keys.positions)))
  return g.Unsqueeze(g.Where(allowed, g.scalar(0), g.scalar(-1e9)), g.int64([1]))
}

/** Position and sentence of each token, int32 [row, column]. */
interface TokenPositions {
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
 * One pre-norm block. `last` holds the rows that the classification head reads: after the attention, the last block
 * computes those rows only, which changes no logit.
 */
function block(context: Context, x: Value, i: number, last?: Value): Value {
  const { g, config, dropout } = context
  const name = `transformer.h.${i}`
  const heads = attention(context, layerNorm(context, x, `${name}.ln_1`), name, i)
  const selectRows = (value: Value) => (last ? g.Gather(value, last) : value)
  const attended = dropout(
    conv1d(context, selectRows(heads), `${name}.attn.c_proj`),
    config.resid_pdrop,
    `${name}.attn.resid_dropout`,
  )
  const residual = g.Add(selectRows(x), attended)
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
