// The layers of a head before its logits, in builder calls.

import { random } from '@cola/data'
import { addInitializer, asFloat32, type Builder, float32, type Graph, type Tensor, type Value } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import type { Activation, HeadLayer, HeadNorm } from '../inject/head.ts'

const activate: { readonly [A in Activation]: (g: Builder, x: Value) => Value } = {
  gelu: (g, x) => g.Gelu(x),
  gelu_new: (g, x) => g.Gelu(x, { approximate: 'tanh' }),
  gelu_pytorch_tanh: (g, x) => g.Gelu(x, { approximate: 'tanh' }),
  relu: (g, x) => g.Relu(x),
  silu: (g, x) => g.Swish(x),
  tanh: (g, x) => g.Tanh(x),
}

/** Where the first values of a head's parameters come from. */
export interface HeadValues {
  /** Values that the base model has, by name. */
  readonly initial?: ReadonlyMap<string, Tensor> | undefined
  /** Standard deviation of matrices that are drawn. */
  readonly initializer_range: number
  readonly seed: number
}

/** @throws {ConfigError} for a first value of another shape: a bias of one element would be added to all. */
function requireDims(name: string, value: Tensor, dims: readonly number[]): void {
  if (value.dims.join() === dims.join()) return
  throw new ConfigError({
    where: `parameter "${name}" of the head`,
    what: 'its shape does not fit the hidden states',
    expected: `[${dims.join(', ')}]`,
    found: `[${value.dims.join(', ')}]`,
    fix: 'Take the weights of the model that was exported.',
  })
}

/** Adds a parameter: the value that the base has, else another. */
function addParameter(
  graph: Graph,
  name: string,
  dims: readonly number[],
  { initial }: Pick<HeadValues, 'initial'>,
  other: () => Float32Array,
): Value {
  const known = initial?.get(name)
  if (known) requireDims(name, known, dims)
  return addInitializer(graph, name, known ? asFloat32(known) : float32(dims, other()))
}

/**
 * Adds a linear layer's parameters: those that the base has, else drawn, with a bias of zeros.
 * @throws {ConfigError} for those of another shape.
 */
export function linearParameters(
  graph: Graph,
  { module, bias = true }: Pick<HeadLayer, 'module' | 'bias'>,
  [out, width]: readonly [number, number],
  values: HeadValues,
): Value[] {
  const { initializer_range, seed } = values
  const stream = random(seed, 'head', module)
  const drawn = () => Float32Array.from({ length: out * width }, () => stream.normal() * initializer_range)
  const weight = addParameter(graph, `${module}.weight`, [out, width], values, drawn)
  const zeros = () => new Float32Array(out)
  return bias ? [weight, addParameter(graph, `${module}.bias`, [out], values, zeros)] : [weight]
}

/** States [rows, width] after a layer. */
export function applyLayer(g: Builder, graph: Graph, x: Value, layer: HeadLayer, values: HeadValues): Value {
  const { module, activation, norm } = layer
  const width = x.shape.at(-1) as number
  const parameters = linearParameters(graph, layer, [width, width], values)
  const [dense] = g.node('Gemm', [x, ...parameters], { name: module, attributes: { transB: 1 } }) as [Value]
  const active = activate[activation](g, dense)
  return norm ? normalize(g, graph, active, norm, values) : active
}

function normalize(
  g: Builder,
  graph: Graph,
  x: Value,
  { module, epsilon, bias = true }: HeadNorm,
  values: HeadValues,
): Value {
  const width = x.shape.at(-1) as number
  const add = (name: string, first: number): Value =>
    addParameter(graph, name, [width], values, () => new Float32Array(width).fill(first))
  const parameters = [add(`${module}.weight`, 1), ...(bias ? [add(`${module}.bias`, 0)] : [])]
  const [normalized] = g.node('LayerNormalization', [x, ...parameters], {
    name: module,
    attributes: { axis: -1, epsilon },
  }) as [Value]
  return normalized
}
