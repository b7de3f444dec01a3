// What an adapter adds to a linear layer. Hu et al. 2022 (LoRA), Liu et al. 2024 (DoRA).

import { addInitializer, type Builder, dropout, float32, getValue, type Node, scale, type Tensor, toFloat32, transposeMatrix, type Value } from '@cola/graph'
import type { LoraConfigJson } from '../schema.ts'

/** A layer that gets an adapter. */
export interface LoraTarget {
  /** Module name, as PEFT prints it: `transformer.h.0.attn.c_attn`. */
  module: string
  /** Initializer that holds the base matrix. */
  weight: string
  /** Initializer that holds the bias, where there is one. */
  bias: string | undefined
  /** Whether the base matrix is [out, in] (PyTorch's Linear) instead of [in, out] (Conv1D). */
  transposed: boolean
  in_features: number
  out_features: number
  r: number
  scaling: number
}

/** PEFT's prefix for everything an adapter file holds. */
export const peftPrefix = 'base_model.model.'

/** Names of an adapter's two matrices: A [r, in], B [out, r]. */
export const loraNames = (module: string): [string, string] => [`${peftPrefix}${module}.lora_A.weight`, `${peftPrefix}${module}.lora_B.weight`]

/** Name of B's bias [out], with `lora_bias`. */
export const loraBiasName = (module: string): string => `${peftPrefix}${module}.lora_B.bias`

/** Name of the magnitudes [out], with `use_dora`. */
export const magnitudeName = (module: string): string => `${peftPrefix}${module}.lora_magnitude_vector`

/** Names of all parameters that an adapter adds to a module. */
export const adapterNames = (module: string, { lora_bias, use_dora }: LoraConfigJson): string[] => [
  ...loraNames(module),
  ...(lora_bias ? [loraBiasName(module)] : []),
  ...(use_dora ? [magnitudeName(module)] : []),
]

/** Adds an adapter's parameters to the graph: its matrices, and what the configuration asks for beside them. */
export function addParameters(g: Builder, target: LoraTarget, config: LoraConfigJson, { A, B }: { A: Tensor; B: Tensor }): void {
  const { module, out_features } = target
  const [nameA, nameB] = loraNames(module)
  addInitializer(g.graph, nameA, A)
  addInitializer(g.graph, nameB, B)
  if (config.lora_bias) addInitializer(g.graph, loraBiasName(module), float32([out_features], new Float32Array(out_features)))
  if (config.use_dora) addInitializer(g.graph, magnitudeName(module), rowNorms(target, g.graph.initializers.get(target.weight) as Tensor))
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

/**
 * y + scaling (dropout(x) A' B' + b), for the output y of a target's node.
 * With DoRA, W + scaling B A is stretched to the learned magnitudes: y + (m/n - 1) x W' + m/n scaling x A' B', n = ||W + scaling B A|| by rows,
 * through which no gradient flows.
 */
export function adapted(g: Builder, node: Node, output: Value, target: LoraTarget, config: LoraConfigJson): Value {
  const { module, scaling } = target
  const [a, b] = loraNames(module).map((name) => getValue(g.graph, name)) as [Value, Value]
  const x = getValue(g.graph, node.inputs[0] as string)
  const dropped = dropout(g, x, config.lora_dropout, `${module}.lora_dropout`)
  const bias = config.lora_bias ? getValue(g.graph, loraBiasName(module)) : undefined
  const delta = lowRank(g, dropped, a, b, bias, target)
  if (!config.use_dora) return g.Add(output, delta)
  const stretch = g.Div(getValue(g.graph, magnitudeName(module)), g.StopGradient(merged(g, a, b, scaling, target)))
  const ownBias = node.inputs[2] ? getValue(g.graph, node.inputs[2]) : undefined
  const product = ownBias ? g.Sub(output, ownBias) : output
  return g.Add(g.Add(output, g.Mul(product, g.Sub(stretch, g.scalar(1)))), g.Mul(delta, stretch))
}

function lowRank(g: Builder, x: Value, a: Value, b: Value, bias: Value | undefined, { module, scaling }: LoraTarget): Value {
  if (x.shape.length !== 2) {
    const product = g.MatMul(g.MatMul(x, transposeMatrix(g, a)), transposeMatrix(g, b))
    return scale(g, bias ? g.Add(product, bias) : product, scaling)
  }
  const low = g.Gemm(x, a, { transB: 1 })
  return g.node('Gemm', [low, b, ...(bias ? [bias] : [])], { name: `${module}.lora`, attributes: { transB: 1, alpha: scaling, beta: scaling } })[0] as Value
}

/** ||W + scaling B A||, one number an output. */
function merged(g: Builder, a: Value, b: Value, scaling: number, { weight, transposed }: LoraTarget): Value {
  const base = getValue(g.graph, weight)
  const whole = transposed ? g.Gemm(b, a, base, { alpha: scaling }) : g.Gemm(a, b, base, { alpha: scaling, transA: 1, transB: 1 })
  return g.Sqrt(g.ReduceSumSquare(whole, g.int64([transposed ? 1 : 0]), { keepdims: 0 }))
}
