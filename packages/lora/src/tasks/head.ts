// A classification head on a model's hidden states: one pooled state for each sentence, or every token.

import { requireKind } from '@cola/graph/door'
import { describeValue } from '@cola/data'
import {
  build,
  cloneGraph,
  formatValue,
  getValue,
  type Graph,
  type Model,
  prune,
  type Tensor,
  type Value,
  widen,
} from '@cola/graph'
import {
  atLeast,
  type Check,
  type Checks,
  checkOptions,
  checkValue,
  flag,
  integer,
  listOf,
  object,
  oneOf,
  text,
  whole,
} from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { HeadedModel } from '../inject/adapted-model.ts'
import { type Head, type HeadLayer, type Pooling, poolings } from '../inject/head.ts'
import { activations, areLayers } from '../schema.ts'
import { hiddenStates, isHidden, isPacked } from '../onnx/hidden.ts'
import { applyLayer, linearParameters } from './head-layers.ts'
import { pool } from './pool.ts'

/** Options of a head over hidden states. */
export interface HeadOptions {
  num_labels: number
  /** Hidden states that the head reads; `none`: those of every token, for token classification. */
  pooling: Pooling | 'none'
  /** Name of the module of the logits: transformers' `score` for decoders, `classifier` for encoders. */
  name: string
  /** Layers before it, as {@link transformersHead} gives them. @default none */
  layers?: readonly HeadLayer[]
  /** @default false */
  bias?: boolean
  /** Names of the classes, in the order of the logits: saved with an adapter, and checked when it is loaded. */
  labels?: readonly string[]
  /**
   * Value with the hidden states [batch, sequence, width]. @default what the model's own head reads, else the first
   * output
   */
  hidden?: string
  /** First values of the layers' parameters by name. @default those that the model has, such as a pooler's; else drawn */
  initial?: ReadonlyMap<string, Tensor>
  /** Standard deviation of the initial values. @default 0.02 */
  initializer_range?: number
  /** @default 0 */
  seed?: number
}

export const layerList: Check = [
  `an array of layers, each with a module and an activation (${activations.join(', ')}), before_pooling first`,
  areLayers,
]

const checks: Checks<HeadOptions> = {
  num_labels: whole(1),
  pooling: oneOf([...poolings, 'none']),
  name: text,
  bias: flag,
  layers: layerList,
  initial: object,
  labels: listOf(text),
  hidden: text,
  initializer_range: atLeast(0),
  seed: integer,
}

/**
 * A copy of the model whose only output is `logits` [batch, num_labels], or [batch, sequence, num_labels] with pooling
 * `none`; a head that it has (classification, language model, pooler) goes. Further input: `last_token` int32 [batch],
 * the place of each last token in the flattened rows; or `token_weights` float32 [batch, sequence], 1/length at real
 * tokens and 0 elsewhere. What the head is stays on the model, so that an adapter can be held against it.
 * @throws {ConfigError} for an option out of its range, labels that are not one a class, or a model without hidden
 * states [batch, sequence, width], saying where they were looked for.
 */
export function withHead(model: Model, options: HeadOptions): HeadedModel {
  checkOptions('withHead', options, checks)
  requireKind('withHead, model', model, 'model')
  for (const name of ['num_labels', 'pooling', 'name'] as const)
    checkValue(`withHead, option ${name}`, options[name], checks[name])
  const { num_labels, pooling, name, bias = false, layers = [], labels, hidden } = options
  const { initial = model.graph.initializers, initializer_range = 0.02, seed = 0 } = options
  if (labels && labels.length !== num_labels)
    throw new ConfigError({
      where: 'withHead, option "labels"',
      what: 'not one name a class',
      expected: String(num_labels),
      found: describeValue(labels),
    })
  const graph = cloneGraph(widen(model.graph))
  const states = hidden === undefined ? hiddenStates(graph) : graph.values.get(hidden)
  if (!states || !(isHidden(states) || isPacked(states))) throw notFound(graph, hidden, states)
  const width = states.shape.at(-1) as number
  // The head of the original model is removed, with its names.
  graph.outputs = [states.name]
  prune(graph)
  const g = build(graph)
  const values = { initial, initializer_range, seed }
  const through = (x: Value, some = layers): Value =>
    some.reduce((y, layer) => applyLayer(g, graph, y, layer, values), x)
  const rowsOf = (x: Value): Value => (x.shape.length === 2 ? x : g.Reshape(x, g.int64([-1, width])))
  const parameters = linearParameters(graph, { module: name, bias }, [num_labels, width], { initializer_range, seed })
  const attributes = { transB: 1 }
  if (pooling === 'none') {
    const [product] = g.node('Gemm', [through(rowsOf(states)), ...parameters], { name, attributes }) as [Value]
    g.node('Reshape', [product, g.Concat(gridOf(graph, states), g.int64([num_labels]), { axis: 0 })], {
      outputs: ['logits'],
    })
  } else {
    const early = layers.filter(({ before_pooling }) => before_pooling)
    const read = early.length ? inShapeOf(graph, states, through(rowsOf(states), early)) : states
    const pooled = pool(graph, read, pooling)
    const late = layers.filter(({ before_pooling }) => !before_pooling)
    g.node('Gemm', [through(pooled, late), ...parameters], { name, outputs: ['logits'], attributes })
  }
  graph.outputs = ['logits']
  prune(graph)
  const head: Head = {
    name,
    num_labels,
    pooling,
    ...(layers.length ? { layers } : {}),
    ...(labels ? { labels } : {}),
  }
  return { graph, trainable: new Set(model.trainable), head }
}

function notFound(graph: Graph, hidden: string | undefined, found: Value | undefined): ConfigError {
  const last = [...graph.nodes]
    .reverse()
    .flatMap(({ outputs }) => outputs.filter((name) => isHidden(getValue(graph, name))))
  return new ConfigError({
    where: hidden === undefined ? 'withHead' : `withHead, option hidden, "${hidden}"`,
    what: found || hidden === undefined ? 'not hidden states' : 'the model has no such value',
    expected:
      '[batch, sequence, width]: an output "last_hidden_state", ' +
      "what the model's own head reads, or the first output",
    found: found
      ? formatValue(found)
      : `the outputs ${graph.outputs.map((name) => formatValue(getValue(graph, name))).join('; ')}`,
    fix: last.length
      ? `Name one with "hidden"; the last values of that shape are ${last.slice(0, 5).join(', ')}.`
      : 'Export the model with its hidden states.',
  })
}

/** Rows of tokens, [token, width], in the shape of the states that they are computed from. */
function inShapeOf(graph: Graph, states: Value, rows: Value): Value {
  const g = build(graph)
  return states.shape.length === 2 ? rows : g.Reshape(rows, g.Shape(states))
}

/** The shape of a batch's tokens, int64 [2]; those of a packed batch stand in rows as their ids do. */
function gridOf(graph: Graph, states: Value): Value {
  const g = build(graph)
  return states.shape.length === 2 ? g.Shape(getValue(graph, 'input_ids')) : g.Shape(states, { start: 0, end: 2 })
}
