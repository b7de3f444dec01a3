// The layers of a head before its logits, in builder calls.

import { random } from '@cola/data'
import { addInitializer, asFloat32, type Builder, float32, type Graph, type Tensor, type Value } from '@cola/graph'
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

/** Adds a linear layer's parameters: those that the base has, else drawn, with a bias of zeros. */
export function linearParameters(
  graph: Graph,
  { module, bias = true }: Pick<HeadLayer, 'module' | 'bias'>,
  [out, width]: readonly [number, number],
  { initial, initializer_range, seed }: HeadValues,
): Value[] {
  const stream = random(seed, 'head', module)
  const drawn = () => Float32Array.from({ length: out * width }, () => stream.normal() * initializer_range)
  const add = (name: string, dims: readonly number[], first: () => Float32Array): Value => {
    const known = initial?.get(name)
    return addInitializer(graph, name, known ? asFloat32(known) : float32(dims, first()))
  }
  const weight = add(`${module}.weight`, [out, width], drawn)
  return bias ? [weight, add(`${module}.bias`, [out], () => new Float32Array(out))] : [weight]
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
  { initial }: HeadValues,
): Value {
  const width = x.shape.at(-1) as number
  const add = (name: string, first: number): Value =>
    addInitializer(graph, name, asFloat32(initial?.get(name) ?? float32([width], new Float32Array(width).fill(first))))
  const parameters = [add(`${module}.weight`, 1), ...(bias ? [add(`${module}.bias`, 0)] : [])]
  const [normalized] = g.node('LayerNormalization', [x, ...parameters], {
    name: module,
    attributes: { axis: -1, epsilon },
  }) as [Value]
  return normalized
}
