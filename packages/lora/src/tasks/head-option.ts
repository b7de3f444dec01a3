// The option `head` of tasks, and the setting that is saved: a head of several layers.

import type { Check } from '@cola/graph/options'
import { type HeadOptions, layerList } from './head.ts'

/** A head with layers before its logits, for `withHead`, such as `transformersHead` gives. */
export type LayeredHead = Required<Pick<HeadOptions, 'name' | 'bias' | 'pooling' | 'layers'>>

/** `transformers`: the head of transformers' class for the model type; or one of one's own layers. */
export type HeadOption = 'transformers' | LayeredHead

const isLayered = (value: unknown, poolings: readonly string[]): boolean => {
  const { name, pooling, layers } = (value ?? {}) as Partial<LayeredHead>
  return typeof name === 'string' && poolings.includes(pooling as string) && layerList[1](layers)
}

/**
 * Checks of the option, and of the setting, which is absent for a linear layer.
 * @param poolings Those of the task.
 */
export function headChecks(poolings: readonly LayeredHead['pooling'][]): Readonly<Record<'option' | 'setting', Check>> {
  const check = (absent: unknown, words: string): Check => [
    `${words} with pooling ${poolings.join(', ')}`,
    (value) => value === absent || isLayered(value, poolings),
  ]
  return {
    option: check('transformers', "'transformers', or what transformersHead gives,"),
    setting: check(undefined, 'a head'),
  }
}

/** A head that is asked for, once `transformers` has been looked up. */
export const layered = (head: HeadOption | undefined): LayeredHead | undefined =>
  typeof head === 'object' ? head : undefined
