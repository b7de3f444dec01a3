// How a layer uses the product of LoRA's matrices: as a sum, or with the sum rescaled to learned magnitudes (DoRA, Liu
// et al. 2024).

import { type Builder, getValue, type Node, type Tensor, toFloat32, type Value } from '@cola/graph'
import { parameterName } from '../target.ts'
import { outputNorms, timesOutputs } from '../weights.ts'
import type { TensorOf } from '../method.ts'
import { loraNames, type LoraTarget } from './matrices.ts'

/** A layer in a graph: its node, the node's output, and scaling (x A' B' + bias). */
interface Joined {
  readonly node: Node
  readonly output: Value
  readonly delta: Value
}

export interface Variant {
  readonly join: (g: Builder, target: LoraTarget, layer: Joined) => Value
  /** The merged matrix from W + scaling B A. */
  readonly merge: (target: LoraTarget, sum: Tensor, tensorOf: TensorOf) => Tensor
  /** W + scaling B A from the merged matrix; `sum` computes it from the base where that is impossible. */
  readonly unmerge: (target: LoraTarget, merged: Tensor, tensorOf: TensorOf, sum: () => Tensor) => Tensor
}

/** Name of DoRA's magnitudes [out]. */
export const magnitudeName = (module: string): string => parameterName(module, 'lora_magnitude_vector')

const plain: Variant = {
  join: (g, _, { output, delta }) => g.Add(output, delta),
  merge: (_, sum) => sum,
  unmerge: (_, merged) => merged,
}

/**
 * W + scaling B A rescaled to magnitudes m: y + (m/n - 1) x W' + m/n scaling x A' B', n = ||W + scaling B A|| by rows,
 * through which no gradient flows.
 */
const dora: Variant = {
  join: (g, target, { node, output, delta }) => {
    const stretch = g.Div(getValue(g.graph, magnitudeName(target.module)), g.StopGradient(norms(g, target)))
    const ownBias = node.inputs[2] ? getValue(g.graph, node.inputs[2]) : undefined
    const product = ownBias ? g.Sub(output, ownBias) : output
    return g.Add(g.Add(output, g.Mul(product, g.Sub(stretch, g.scalar(1)))), g.Mul(delta, stretch))
  },
  merge: (target, sum, tensorOf) => {
    const [magnitude, norm] = [magnitudes(target, tensorOf), toFloat32(outputNorms(target, sum))]
    return timesOutputs(
      target,
      sum,
      magnitude.map((m, o) => m / (norm[o] as number)),
    )
  },
  // A row with magnitude 0 cannot be divided back: it comes from the base.
  unmerge: (target, merged, tensorOf, sum) => {
    const [norm, factors] = [toFloat32(outputNorms(target, sum())), magnitudes(target, tensorOf)]
    if (factors.includes(0)) return sum()
    return timesOutputs(
      target,
      merged,
      norm.map((length, o) => length / (factors[o] as number)),
    )
  },
}

export const variantOf = ({ use_dora }: { use_dora: boolean }): Variant => (use_dora ? dora : plain)

const magnitudes = ({ module }: LoraTarget, tensorOf: TensorOf): Float32Array =>
  toFloat32(tensorOf(magnitudeName(module)))

/** ||W + scaling B A||, one number an output. */
function norms(g: Builder, target: LoraTarget): Value {
  const { weight, transposed, scaling } = target
  const [a, b] = loraNames(target).map((name) => getValue(g.graph, name)) as [Value, Value]
  const base = getValue(g.graph, weight)
  const whole = transposed
    ? g.Gemm(b, a, base, { alpha: scaling })
    : g.Gemm(a, b, base, { alpha: scaling, transA: 1, transB: 1 })
  return g.Sqrt(g.ReduceSumSquare(whole, g.int64([transposed ? 1 : 0]), { keepdims: 0 }))
}
