// The arrays that select an adapter of a switchable model.

import { elementCount, type Graph, type Model, type Tensor, toFloat32 } from '@cola/graph'
import type { Batch } from '@cola/train'
import { headWeight, tiedHeads } from '../inject/tied.ts'
import { biasName } from '../methods/lora/extras.ts'
import { loraNames, type LoraTarget } from '../methods/lora/matrices.ts'
import { magnitudeName } from '../methods/lora/variants.ts'
import { type Factors, outputNorms, plusProduct } from '../methods/weights.ts'
import { extraNames, type Switched, type Targets } from './switch-inputs.ts'

type Arrays = Record<string, { data: Float32Array; dims: number[] }>

/**
 * A model's A [in, rank] and B [rank, out], padded with zeros, the scaling in B, and what layers have beside them; for
 * layers without an adapter what changes nothing.
 * @param adapted The model's own targets, by the layers of `switched.targets`.
 */
export function feedsOf(model: Model, adapted: Targets, switched: Switched): Batch {
  const heads = new Map(tiedHeads(model.graph).map((head) => [headWeight(head), head.weight]))
  const { initializers } = model.graph
  const batch: Arrays = {}
  for (const [layer, common] of switched.targets)
    Object.assign(batch, layerFeeds(model.graph, adapted.get(layer), common, switched))
  for (const name of switched.saved) {
    const value = (initializers.get(name) ?? initializers.get(heads.get(name) ?? '')) as Tensor
    batch[name] = { data: toFloat32(value).slice(0, elementCount(value.dims)), dims: [...value.dims] }
  }
  return batch
}

/** The arrays of one layer, under the names of `common`. */
function layerFeeds(graph: Graph, target: LoraTarget | undefined, common: LoraTarget, switched: Switched): Arrays {
  const { inFeatures, outFeatures } = common
  const { rank } = switched
  const [nameA, nameB] = loraNames(common)
  const [a, b] = [new Float32Array(inFeatures * rank), new Float32Array(rank * outFeatures)]
  const [scale, bias] = [new Float32Array(outFeatures).fill(1), new Float32Array(outFeatures)]
  if (target) {
    const [A, B] = loraNames(target).map((name) => toFloat32(graph.initializers.get(name) as Tensor)) as [
      Float32Array,
      Float32Array,
    ]
    const magnitude = graph.initializers.get(magnitudeName(target.module))
    if (magnitude) scale.set(magnitudeScale(switched.base, target, magnitude, { A, B, r: target.r }))
    const factor = Float64Array.from(scale, (value) => value * target.scaling)
    for (let k = 0; k < target.r; k++) {
      for (let i = 0; i < inFeatures; i++) a[i * rank + k] = A[k * inFeatures + i] as number
      for (let o = 0; o < outFeatures; o++)
        b[k * outFeatures + o] = (factor[o] as number) * (B[o * target.r + k] as number)
    }
    const own = graph.initializers.get(biasName(target.module))
    if (own) bias.set(toFloat32(own).map((value, o) => value * (factor[o] as number)))
  }
  const extra = extraNames(common, switched)
  return {
    [nameA]: { data: a, dims: [inFeatures, rank] },
    [nameB]: { data: b, dims: [rank, outFeatures] },
    ...(extra.scale ? { [extra.scale]: { data: scale, dims: [outFeatures] } } : {}),
    ...(extra.bias ? { [extra.bias]: { data: bias, dims: [outFeatures] } } : {}),
  }
}

/** DoRA's m / ||W + scaling B A||, one number an output, with W of the base. */
function magnitudeScale(base: Graph, target: LoraTarget, magnitude: Tensor, factors: Factors): Float32Array {
  const sum = plusProduct(target, base.initializers.get(target.weight) as Tensor, factors, target.scaling)
  const norms = toFloat32(outputNorms(target, sum))
  return toFloat32(magnitude).map((m, o) => m / (norms[o] as number))
}
