// The student for inference: ONNX's own recurrent operators over padded sentences of any length.
// CPU and CUDA have kernels for all three; where WebGPU lacks one (RNN), the runtime runs it on the host.

import { requireKind } from '@cola/graph/door'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  float32,
  type Graph,
  type Tensor,
  tensor,
  toFloat32,
  type Value,
} from '@cola/graph'
import type { CellName } from './cells.ts'
import { type DistilRnnConfig, directions } from './config.ts'
import { requireWhole, suffix } from './parameters.ts'

/** PyTorch's gates in the order in which ONNX has them: RNN h; GRU r z n as z r n; LSTM i f g o as i o f g. */
const operators: Readonly<
  Record<CellName, { name: 'RNN' | 'GRU' | 'LSTM'; gates: readonly number[]; attributes: Record<string, number> }>
> = {
  rnn: { name: 'RNN', gates: [0], attributes: {} },
  gru: { name: 'GRU', gates: [1, 0, 2], attributes: { linear_before_reset: 1 } },
  lstm: { name: 'LSTM', gates: [0, 3, 1, 2], attributes: {} },
}

/**
 * Inputs, int64: `input_ids`, `attention_mask` [batch, sequence], padded on either side. Output: `logits` [batch,
 * labels].
 * @param parameters Whole parameters under PyTorch's names, `embedding.weight` among them.
 * @throws {WeightsError} naming the parameter that is missing or does not fit the configuration.
 */
export function distilRnnInference(config: DistilRnnConfig, parameters: ReadonlyMap<string, Tensor>): Graph {
  requireKind('distilRnnInference, config', config, 'object')
  requireKind('distilRnnInference, parameters', parameters, 'map')
  requireWhole(
    parameters,
    config,
    'distilRnnInference, parameters',
    'loadStudent gives whole ones, as Student.parameters does.',
  )
  const graph = createGraph('distil_rnn')
  const g = build(graph)
  const [ids, mask] = ['input_ids', 'attention_mask'].map((name) =>
    addInput(graph, name, 'int64', ['batch', 'sequence']),
  ) as [Value, Value]
  const weight = (name: string): Value =>
    graph.values.get(name) ?? addInitializer(graph, name, parameters.get(name) as Tensor)
  const lengths = g.Cast(g.ReduceSum(g.Cast(mask, { to: 1 }), g.int64([1]), { keepdims: 0 }), { to: 6 })

  let x = g.Transpose(g.Gather(weight('embedding.weight'), leftAligned(g, ids, mask)), { perm: [1, 0, 2] })
  let last = x
  for (let layer = 0; layer < config.num_layers; layer++) {
    const [w, r, b] = ['W', 'R', 'B'].map((kind) =>
      g.constant(`rnn.l${layer}.${kind}`, stacked(config, parameters, layer, kind as 'W')),
    ) as [Value, Value, Value]
    const { name, attributes } = operators[config.cell]
    const [all, end] = g.node(name, [x, w, r, b, lengths], {
      name: `rnn.l${layer}`,
      outputCount: 2,
      attributes: {
        ...attributes,
        hidden_size: config.hidden_size,
        direction: config.bidirectional ? 'bidirectional' : 'forward',
      },
    }) as [Value, Value]
    const width = directions(config) * config.hidden_size
    x = g.Reshape(g.Transpose(all, { perm: [0, 2, 1, 3] }), g.int64([0, 0, width]))
    last = g.Reshape(g.Transpose(end, { perm: [1, 0, 2] }), g.int64([0, width]))
  }
  g.node('Gemm', [pool(g, config, x, last, lengths), weight('classifier.weight'), weight('classifier.bias')], {
    name: 'classifier',
    outputs: ['logits'],
    attributes: { transB: 1 },
  })
  graph.outputs = ['logits']
  return graph
}

/** Sentences moved to the left of their rows: token j of a row is token first + j of what was given. */
function leftAligned(g: Builder, ids: Value, mask: Value): Value {
  const number = (value: number) => g.constant(`number.${value}`, tensor('int64', [], BigInt64Array.of(BigInt(value))))
  const length = g.Squeeze(g.Shape(mask, { start: 1, end: 2 }), g.int64([0]))
  const columns = g.Range(number(0), length, number(1))
  const first = g.ArgMax(g.Cast(mask, { to: 6 }), { axis: 1, keepdims: 1 })
  return g.GatherElements(ids, g.Min(g.Add(columns, first), g.Sub(length, number(1))), { axis: 1 })
}

function pool(g: Builder, { pooling }: DistilRnnConfig, x: Value, last: Value, lengths: Value): Value {
  if (pooling === 'last') return g.Relu(last)
  // The operators give zeros past a sentence's end, which no mean or maximum of a ReLU sees.
  const hidden = g.Relu(x)
  if (pooling === 'max') return g.ReduceMax(hidden, g.int64([0]), { keepdims: 0 })
  return g.Div(
    g.ReduceSum(hidden, g.int64([0]), { keepdims: 0 }),
    g.Unsqueeze(g.Cast(lengths, { to: 1 }), g.int64([1])),
  )
}

/**
 * The directions of a layer one after another, gates in ONNX's order: W [directions, rows, in], R, and B, the two
 * biases in one row.
 */
function stacked(
  config: DistilRnnConfig,
  parameters: ReadonlyMap<string, Tensor>,
  layer: number,
  kind: 'W' | 'R' | 'B',
): Tensor {
  const names = { W: ['weight_ih'], R: ['weight_hh'], B: ['bias_ih', 'bias_hh'] }[kind]
  const parts = Array.from({ length: directions(config) }, (_, direction) =>
    names.map((name) =>
      reordered(parameters.get(`rnn.${name}_${suffix(layer, direction)}`) as Tensor, operators[config.cell].gates),
    ),
  ).flat()
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  parts.reduce((at, part) => {
    values.set(part, at)
    return at + part.length
  }, 0)
  const [rows, columns] = (parameters.get(`rnn.${names[0]}_l${layer}`) as Tensor).dims as [number, number]
  return float32(kind === 'B' ? [directions(config), 2 * rows] : [directions(config), rows, columns], values)
}

function reordered(value: Tensor, gates: readonly number[]): Float32Array {
  const values = toFloat32(value)
  const size = values.length / gates.length
  const result = new Float32Array(values.length)
  gates.forEach((gate, i) => {
    result.set(values.subarray(gate * size, (gate + 1) * size), i * size)
  })
  return result
}
