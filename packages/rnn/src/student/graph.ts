// The student as a graph over packed time steps (@cola/data, packSteps), unrolled: no device that trains has Scan, Loop
// and the RNN operator all. The input product of a layer runs on all tokens at once; a step runs on the sentences that
// still have a token, none past the longest.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, requireOptions, whole } from '@cola/graph/options'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  dropout,
  float32,
  type Model,
  refineShape,
  type Tensor,
  type Value,
} from '@cola/graph'
import { cells } from './cells.ts'
import { type DistilRnnConfig, directions } from './config.ts'
import { suffix, withEmbedding } from './parameters.ts'

/** Options of the student's graph. */
export interface DistilRnnOptions {
  /** Steps of the unrolled graph: the longest sentence that it takes. */
  max_length: number
}

const checks: Checks<DistilRnnOptions> = { max_length: whole(1, 2 ** 20) }

interface Context {
  readonly g: Builder
  readonly config: DistilRnnConfig
  readonly weight: (name: string) => Value
  /** For each step, its sentences [1], and how many go on and how many end [2]. */
  readonly sizes: Value
  readonly splits: readonly Value[]
  readonly input: (name: string, shape: readonly string[]) => Value
}

/** Value with the hidden states of a layer, [token, directions * hidden_size], tokens in the order of a StepBatch. */
export const hiddenStatesName = (layer: number): string => `hidden_states.${layer}`

/**
 * Builds the graph.
 * Inputs: those of a StepBatch that the configuration needs, `input_ids` counting rows of `embedding`. Output: `logits`
 * [batch, labels]; what the head reads is `hidden` [batch, directions * hidden_size], and the states of all tokens of
 * layer L are `hidden_states.L`, [token, directions * hidden_size]. Every parameter is trainable.
 * @param embedding Rows of the tokens that occur, [rows, embedding_size]; one among `parameters` is not read.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function distilRnn(
  config: DistilRnnConfig,
  embedding: Tensor,
  parameters: ReadonlyMap<string, Tensor>,
  options: DistilRnnOptions,
): Model {
  checkOptions('distilRnn', options, checks)
  requireOptions('distilRnn', options, checks, ['max_length'])
  requireKind('distilRnn, config', config, 'object')
  const { max_length } = options
  const graph = createGraph('distil_rnn')
  const g = build(graph)
  const all = withEmbedding(embedding, parameters)
  for (const [name, value] of all) addInitializer(graph, name, value)
  const weight = (name: string): Value => graph.values.get(name) as Value
  const input = (name: string, shape: readonly string[]): Value =>
    graph.values.get(name) ?? addInput(graph, name, 'int32', shape)

  const ids = input('input_ids', ['token'])
  const sizes = addInput(graph, 'batch_sizes', 'int64', [max_length])
  const pairs = addInput(graph, 'step_splits', 'int64', [2 * max_length])
  const splits = g.node('Split', [pairs], { attributes: { axis: 0, num_outputs: max_length }, outputCount: max_length })
  const context: Context = { g, config, weight, sizes, splits, input }

  let x = dropout(g, g.Gather(weight('embedding.weight'), ids), config.embedding_dropout, 'embedding.dropout')
  let runs: Value[] = []
  for (let layer = 0; layer < config.num_layers; layer++) {
    if (layer > 0) x = dropout(g, x, config.dropout, `rnn.dropout_l${layer - 1}`)
    runs = Array.from({ length: directions(config) }, (_, direction) => recurrence(context, x, layer, direction))
    // Under names of their own, for losses between hidden states.
    x = g.node('Identity', [aligned(context, runs)], { outputs: [hiddenStatesName(layer)] })[0] as Value
  }
  const hidden = g.node('Identity', [pool(context, x, runs)], { outputs: ['hidden'] })[0] as Value
  const pooled = dropout(g, hidden, config.head_dropout, 'classifier.dropout')
  g.node('Gemm', [pooled, weight('classifier.weight'), weight('classifier.bias')], {
    name: 'classifier',
    outputs: ['logits'],
    attributes: { transB: 1 },
  })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(all.keys()) }
}

/** Where a token lies in the run of the other direction. */
const reversed = ({ g, input }: Context, x: Value): Value => g.Gather(x, input('reverse_index', ['token']))

/** The hidden states of a layer and direction, [token, hidden]; those of the second direction in its own order. */
function recurrence(context: Context, x: Value, layer: number, direction: number): Value {
  const { g, config, weight, sizes, splits } = context
  const { gates, summed, states: count, step } = cells[config.cell]
  const [wih, whh, bih, bhh] = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map((name) =>
    weight(`rnn.${name}_${suffix(layer, direction)}`),
  ) as [Value, Value, Value, Value]
  const ordered = direction === 1 ? reversed(context, x) : x
  const fromInput = g.Gemm(ordered, wih, summed ? g.Add(bih, bhh) : bih, { transB: 1 })
  const steps = g.node('Split', [fromInput, sizes], { attributes: { axis: 0 }, outputCount: splits.length })

  const outputs: Value[] = []
  let states: Value[] | undefined
  steps.forEach((input, t) => {
    const h = states?.[0]
    const fromHidden = summed ? undefined : h ? g.Gemm(h, whh, bhh, { transB: 1 }) : g.Expand(bhh, g.Shape(input))
    const x = summed && h ? g.Gemm(h, whh, input, { transB: 1 }) : input
    const next = step(g, { x, h: fromHidden }, states)
    outputs.push(next[0] as Value)
    states = next
      .slice(0, count)
      .map(
        (state) =>
          g.node('Split', [state, splits[t] as Value], { attributes: { axis: 0 }, outputCount: 2 })[0] as Value,
      )
  })
  const all = outputs.length === 1 ? (outputs[0] as Value) : g.Concat(...outputs, { axis: 0 })
  // Inference sees a sum of unknown sizes; together they are all tokens.
  return refineShape(g.graph, all, [x.shape[0] as string, (fromInput.shape[1] as number) / gates])
}

/** The directions side by side, token by token. */
const aligned = (context: Context, [forward, backward]: readonly Value[]): Value =>
  backward ? context.g.Concat(forward as Value, reversed(context, backward), { axis: 1 }) : (forward as Value)

/**
 * ReLU, then one vector a sentence: a mean or maximum of `states`, those of all tokens, or the last state of each
 * direction in `runs`. The states of ended sentences read as zeros, which no mean or maximum of a ReLU sees.
 */
function pool(context: Context, states: Value, runs: readonly Value[]): Value {
  const { g, config, input } = context
  if (config.pooling === 'last') {
    // The second direction's last state is that of the sentence's first token, which is last in its own order.
    const last = runs.map((run) => g.Gather(run, input('last_token', ['batch'])))
    return g.Relu(last.length === 1 ? (last[0] as Value) : g.Concat(...last, { axis: 1 }))
  }
  const hidden = g.Relu(states)
  const nothing = g.constant(
    'pool.nothing',
    float32([1, hidden.shape[1] as number], new Float32Array(hidden.shape[1] as number)),
  )
  const grid = g.Gather(g.Concat(hidden, nothing, { axis: 0 }), input('token_index', ['batch', 'column']))
  if (config.pooling === 'max') return g.ReduceMax(grid, g.int64([1]), { keepdims: 0 })
  const lengths = g.Unsqueeze(g.Cast(input('lengths', ['batch']), { to: 1 }), g.int64([1]))
  return g.Div(g.ReduceSum(grid, g.int64([1]), { keepdims: 0 }), lengths)
}
