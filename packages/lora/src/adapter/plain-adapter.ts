// Converts LoRA that was initialized from a part of the base matrices (PiSSA, OLoRA) to a plain adapter of the
// unchanged model.

import { cloneGraph, float32, type Tensor, toFloat32 } from '@cola/graph'
import type { AdaptedModel, LoraModel } from '../inject/adapted-model.ts'
import { loraNames } from '../methods/lora/matrices.ts'

export const isLora = (model: AdaptedModel): model is LoraModel => model.config.peft_type === 'LORA'

/**
 * B A - B0 A0 as one product: [B, -B0] [A; A0], of twice the rank and the same scaling. Adapters of embeddings are
 * initialized without a part of the matrix: B0 A0 = 0.
 */
export function plainAdapter(model: LoraModel): LoraModel {
  const graph = cloneGraph(model.graph)
  for (const target of model.targets) {
    const { r, inFeatures, outFeatures } = target
    const [nameA, nameB] = loraNames(target)
    const [A, B] = [nameA, nameB].map((name) => toFloat32(graph.initializers.get(name) as Tensor)) as [
      Float32Array,
      Float32Array,
    ]
    const [A0, B0] = [nameA, nameB].map((name, i) => {
      const first = model.initial.get(name)
      return first ? toFloat32(first) : new Float32Array((i === 0 ? A : B).length)
    }) as [Float32Array, Float32Array]
    const columns = new Float32Array(2 * r * outFeatures)
    for (let o = 0; o < outFeatures; o++) {
      columns.set(B.subarray(o * r, (o + 1) * r), 2 * o * r)
      columns.set(
        B0.subarray(o * r, (o + 1) * r).map((value) => -value),
        (2 * o + 1) * r,
      )
    }
    const rows = new Float32Array(2 * r * inFeatures)
    rows.set(A)
    rows.set(A0, r * inFeatures)
    graph.initializers.set(nameA, float32([2 * r, inFeatures], rows))
    graph.initializers.set(nameB, float32([outFeatures, 2 * r], columns))
  }
  const { r, lora_alpha, use_rslora, rank_pattern, alpha_pattern } = model.config
  // scaling = alpha / r, or alpha / sqrt r.
  const factor = use_rslora ? Math.SQRT2 : 2
  const scaleValues = (patterns: Readonly<Record<string, number>>, by: number) =>
    Object.fromEntries(Object.entries(patterns).map(([name, value]) => [name, value * by]))
  const config = {
    ...model.config,
    r: 2 * r,
    lora_alpha: factor * lora_alpha,
    rank_pattern: scaleValues(rank_pattern, 2),
    alpha_pattern: scaleValues(alpha_pattern, factor),
    init_lora_weights: true,
  }
  const targets = model.targets.map((target) => ({ ...target, r: 2 * target.r }))
  return { ...model, graph, config, targets, initial: new Map() }
}
