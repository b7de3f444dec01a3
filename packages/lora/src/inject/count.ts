// How many parameters a model has and trains, and the state of each adapted layer.

import { requireKind } from '@cola/graph/door'
import { dataTypes, elementCount, type Model, type Tensor } from '@cola/graph'
import type { TensorOf } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import type { AdaptedModel } from './adapted-model.ts'
import { requireModel } from './require-model.ts'

/** Numbers of parameters: PEFT's print_trainable_parameters. */
export interface ParameterCount {
  total: number
  trainable: number
  /** Share of the parameters that are frozen, 0 to 1. */
  reduction: number
}

/** Counts parameters; the constants of operators do not count. @throws {ConfigError} for what is no model. */
export function countParameters(model: Model): ParameterCount {
  requireModel('countParameters', model)
  const { graph, trainable } = model
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
export const formatParameters = (count: ParameterCount): string => {
  requireKind('formatParameters, count', count, 'object')
  const { total, trainable, reduction } = count
  return `total ${millions(total)} | trainable ${millions(trainable)} | reduction ${(100 * reduction).toFixed(2)}%`
}

/** What of a model is adapted, active and merged: PEFT's get_model_status. */
export interface AdapterStatus {
  module: string
  /** Rank, for methods that have one. */
  r?: number
  /** Factor of the adapter's product, for methods that have one. */
  scaling?: number
  /** Whether the adapter's parameters are trained. */
  trainable: boolean
  /** Whether the adapter changes the layer's output. */
  active: boolean
}

/** The state of each adapted layer; PEFT's get_layer_status. @throws {ConfigError} for a model without an adapter. */
export function adapterStatus(model: AdaptedModel): AdapterStatus[] {
  requireModel('adapterStatus', model, 'adapted')
  const { targets, trainable, graph, config } = model
  const method = methodOf(config)
  const tensorOf: TensorOf = (name) => graph.initializers.get(name) as Tensor
  return targets.map((target) => ({
    module: target.module,
    ...method.status(target),
    trainable: method.names(target, config).every((name) => trainable.has(name)),
    active: method.isActive(target, config, tensorOf),
  }))
}
