// The parameter table.

import { dataTypes, elementCount, type Graph, type Model, type Tensor, toFloat32 } from '@cola/graph'
import type { LoraConfigJson } from '../schema.ts'
import { adapterNames, loraBiasName, loraNames, type LoraTarget, magnitudeName, rowNorms } from './layer.ts'
import type { LoraModel } from './lora.ts'

export interface ParameterCount {
  total: number
  trainable: number
  /** Share of the parameters that training leaves alone, 0 to 1. */
  reduction: number
}

/** Counts parameters; constants that operators need are none. */
export function countParameters({ graph, trainable }: Model): ParameterCount {
  let [total, trained] = [0, 0]
  for (const [name, { dims, dtype }] of graph.initializers) {
    if (name.startsWith('constant.') || !dataTypes[dtype].float) continue
    const size = elementCount(dims)
    total += size
    if (trainable.has(name)) trained += size
  }
  return { total, trainable: trained, reduction: 1 - trained / total }
}

/** `125.03M`. */
export const millions = (count: number): string => `${(count / 1e6).toFixed(2)}M`

/** `total 125.03M | trainable 0.63M | reduction 99.50%`. */
export const formatParameters = ({ total, trainable, reduction }: ParameterCount): string =>
  `total ${millions(total)} | trainable ${millions(trainable)} | reduction ${(100 * reduction).toFixed(2)}%`

export interface AdapterStatus {
  module: string
  r: number
  scaling: number
  /** Whether the adapter's parameters are trained. */
  trainable: boolean
  /** Whether it changes anything: the product of its matrices, its bias or its magnitudes do. */
  active: boolean
}

/** What is adapted, trained and active, a row a layer; PEFT's get_layer_status. */
export const adapterStatus = ({ targets, trainable, graph, config }: LoraModel): AdapterStatus[] =>
  targets.map((target) => {
    const { module, r, scaling } = target
    const names = adapterNames(target, config)
    return {
      module,
      r,
      scaling,
      trainable: names.every((name) => trainable.has(name)),
      active: isActive(target, config, graph),
    }
  })

/** An embedding starts with A zero, a linear layer with B zero; magnitudes start as the lengths of the base's rows. */
function isActive(target: LoraTarget, config: LoraConfigJson, { initializers }: Graph): boolean {
  const values = (name: string): Float32Array => toFloat32(initializers.get(name) as Tensor)
  const moved = (name: string): boolean => values(name).some((value) => value !== 0)
  if (loraNames(target).every(moved) || (config.lora_bias && moved(loraBiasName(target.module)))) return true
  if (!config.use_dora) return false
  const lengths = toFloat32(rowNorms(target, initializers.get(target.weight) as Tensor))
  return values(magnitudeName(target.module)).some((value, i) => value !== lengths[i])
}
