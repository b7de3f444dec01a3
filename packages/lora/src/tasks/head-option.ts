// The option `head` of tasks, and the setting that is saved: a head of several layers.

import type { Check } from '@cola/graph/options'
import { type HeadOptions, layerList } from './head.ts'

/** A head with layers before its logits, for `withHead`, such as `transformersHead` gives. */
export type LayeredHead = Required<Pick<HeadOptions, 'name' | 'bias' | 'pooling' | 'layers'>>

/** `transformers`: the head of transformers' class for the model type; or one of one's own layers. */
export type HeadOption = 'transformers' | LayeredHead

const isLayered = (value: unknown): boolean => {
  const { name, pooling, layers } = (value ?? {}) as Partial<LayeredHead>
  return typeof name === 'string' && typeof pooling === 'string' && layerList[1](layers)
}

export const headOption: Check = [
  "'transformers', or what transformersHead gives",
  (value) => value === 'transformers' || isLayered(value),
]

/** The setting; absent for a linear layer. */
export const headSetting: Check = [
  'a head with name, pooling and layers',
  (value) => value === undefined || isLayered(value),
]

/** A head that is asked for, once `transformers` has been looked up. */
export const layered = (head: HeadOption | undefined): LayeredHead | undefined =>
  typeof head === 'object' ? head : undefined
