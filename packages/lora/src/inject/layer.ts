// What an adapter adds to a linear layer. Hu et al. 2022 (LoRA), Liu et al. 2024 (DoRA).

import {
  addInitializer,
  type Builder,
  dropout,
  float32,
  getValue,
  type Node,
  scale,
  type Tensor,
  toFloat32,
  transposeMatrix,
  uniqueName,
  type Value,
} from '@cola/graph'
import type { LoraConfigJson } from '../schema.ts'
import type { LayerKind } from './inspect.ts'

/** A layer that gets an adapter. */
export interface LoraTarget {
  kind: LayerKind
  /** Module name, as PEFT prints it: `transformer.h.0.attn.c_attn`. */
  module: string
  /** Initializer that holds the base matrix. */
  weight: string
  /** Initializer that holds the bias, where there is one. */
  bias: string | undefined
  /** Whether the base matrix is [out, in] (PyTorch's Linear) instead of [in, out] (Conv1D, Embedding). */
  transposed: boolean
  in_features: number
  out_features: number
  r: number
  scaling: number
}

/** PEFT's prefix for everything an adapter file holds. */
export const peftPrefix = 'base_model.model.'

/** What an adapter's two matrices are called in their module: A [r, in], B [out, r]. */
export const matrixNames: { readonly [Kind in LayerKind]: readonly [string, string] } = {
  linear: ['lora_A.weight', 'lora_B.weight'],
  embedding: ['lora_embedding_A', 'lora_embedding_B'],
}

/** Names of an adapter's two matrices. */
export const loraNames = ({ kind, module }: Pick<LoraTarget, 'kind' | 'module'>): [string, string] => {
  const [A, B] = matrixNames[kind]
  return [`${peftPrefix}${module}.${A}`, `${peftPrefix}${module}.${B}`]
}

/** Name of B's bias [out], with `lora_bias`. */
export const loraBiasName = (module: string): string => `${peftPrefix}${module}.lora_B.bias`

/** Name of the magnitudes [out], with `use_dora`. */
export const magnitudeName = (module: string): string => `${peftPrefix}${module}.lora_magnitude_vector`

/** Names of all parameters that an adapter adds to a module. */
export const adapterNames = (target: LoraTarget, { lora_bias, use_dora }: LoraConfigJson): string[] => [
  ...loraNames(target),
  ...(lora_bias ? [loraBiasName(target.module)] : []),
  ...(use_dora ? [magnitudeName(target.module)] : []),
]

/** Adds an adapter's parameters to the graph: its matrices, and what the configuration asks for beside them. */
export function addParameters(
  g: Builder,
  target: LoraTarget,
  config: LoraConfigJson,
  { A, B }: { A: Tensor; B: Tensor },
): void {
  const { module, out_features } = target
  const [nameA, nameB] = loraNames(target)
  addInitializer(g.graph, nameA, A)
  addInitializer(g.graph, nameB, B)
  if (config.lora_bias)
    addInitializer(g.graph, loraBiasName(module), float32([out_features], new Float32Array(out_features)))
  if (config.use_dora)
    addInitializer(g.graph, magnitudeName(module), rowNorms(target, g.graph.initializers.get(target.weight) as Tensor))
}

/** Length of the weights of each output. */
export function rowNorms({ transposed, in_features, out_features }: LoraTarget, weight: Tensor): Tensor {
  const values = toFloat32(weight)
  const at = (o: number, i: number) => values[transposed ? o * in_features + i : i * out_features + o] as number
  const norm = (o: number) => {
    let sum = 0
    for (let i = 0; i < in_features; i++) sum += at(o, i) ** 2
    return Math.sqrt(sum)
  }
  return float32(
    [out_features],
    Float32Array.from({ length: out_features }, (_, o) => norm(o)),
  )
}

/** Dropout of what a module reads. */
export type Drop = (g: Builder, x: Value, module: string) => Value

/**
 * Dropout at which modules that read one value, such as query, key and value, share a mask: where PEFT draws one for
 * each, this reads and multiplies the value once for all.
 */
export function sharedDropout(p: number): Drop {
  const dropped = new Map<string, Value>()
  return (g, x, module) => {
    const value = dropped.get(x.name) ?? dropout(g, x, p, `${module}.lora_dropout`)
    dropped.set(x.name, value)
    return value
  }
}

/**
 * y + scaling (dropout(x) A' B' + b), for the output y of a target's node; of an embedding, y + scaling (A' B') at its
 * indices. With DoRA, W + scaling B A is stretched to the learned magnitudes: y + (m/n - 1) x W' + m/n scaling x A' B',
 * n = ||W + scaling B A|| by rows, through which no gradient flows.
 */
export function adapted(
  g: Builder,
  node: Node,
  output: Value,
  target: LoraTarget,
  config: LoraConfigJson,
  drop: Drop,
): Value {
  const { module, scaling } = target
  const [a, b] = loraNames(target).map((name) => getValue(g.graph, name)) as [Value, Value]
  if (target.kind === 'embedding') return g.Add(output, scale(g, looked(g, node, a, b), scaling))
  const x = getValue(g.graph, node.inputs[0] as string)
  const dropped = drop(g, x, module)
  const bias = config.lora_bias ? getValue(g.graph, loraBiasName(module)) : undefined
  const delta = lowRank(g, dropped, a, b, bias, target)
  if (!config.use_dora) return g.Add(output, delta)
  const stretch = g.Div(getValue(g.graph, magnitudeName(module)), g.StopGradient(merged(g, a, b, scaling, target)))
  const ownBias = node.inputs[2] ? getValue(g.graph, node.inputs[2]) : undefined
  const product = ownBias ? g.Sub(output, ownBias) : output
  return g.Add(g.Add(output, g.Mul(product, g.Sub(stretch, g.scalar(1)))), g.Mul(delta, stretch))
}

/** Rows of A' B', at the indices that an embedding is looked up at. */
const looked = (g: Builder, { inputs }: Node, a: Value, b: Value): Value =>
  g.MatMul(g.Gather(transposeMatrix(g, a), getValue(g.graph, inputs[1] as string)), transposeMatrix(g, b))

function lowRank(
  g: Builder,
  x: Value,
  a: Value,
  b: Value,
  bias: Value | undefined,
  { module, scaling }: LoraTarget,
): Value {
  if (x.shape.length !== 2) {
    const product = g.MatMul(g.MatMul(x, transposeMatrix(g, a)), transposeMatrix(g, b))
    return scale(g, bias ? g.Add(product, bias) : product, scaling)
  }
  const low = g.Gemm(x, a, { transB: 1 })
  return g.node('Gemm', [low, b, ...(bias ? [bias] : [])], {
    name: uniqueName(g.graph, `${module}.lora`),
    attributes: { transB: 1, alpha: scaling, beta: scaling },
  })[0] as Value
}

/** ||W + scaling B A||, one number an output. */
function merged(g: Builder, a: Value, b: Value, scaling: number, { weight, transposed }: LoraTarget): Value {
  const base = getValue(g.graph, weight)
  const whole = transposed
    ? g.Gemm(b, a, base, { alpha: scaling })
    : g.Gemm(a, b, base, { alpha: scaling, transA: 1, transB: 1 })
  return g.Sqrt(g.ReduceSumSquare(whole, g.int64([transposed ? 1 : 0]), { keepdims: 0 }))
}
