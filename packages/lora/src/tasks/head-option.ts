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

/** What to do about a head that is for another task, by its pooling. */
function poolingFix(value: unknown): string | undefined {
  const { pooling } = (value ?? {}) as Partial<LayeredHead>
  if (pooling === 'none') return "Its pooling 'none' reads every token: for task: 'TOKEN_CLS'."
  return typeof pooling === 'string' ? `Its pooling is '${pooling}'.` : undefined
}

/**
 * Checks of the option, and of the setting, which is absent for a linear layer.
 * @param poolings Those of the task.
 */
export function headChecks(poolings: readonly LayeredHead['pooling'][]): {
  readonly option: Check
  readonly setting: Check
} {
  const quoted = poolings
    .map((name) => `'${name}'`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')
  const isHead = (value: unknown) => isLayered(value, poolings)
  return {
    option: [
      `'transformers', or what transformersHead gives, with pooling ${quoted}`,
      (value) => value === 'transformers' || isHead(value),
      poolingFix,
    ],
    setting: [
      `a head with name, layers and pooling ${quoted}`,
      (value) => value === undefined || isHead(value),
      poolingFix,
    ],
  }
}

/** A head that is asked for, once `transformers` has been looked up. */
export const layered = (head: HeadOption | undefined): LayeredHead | undefined =>
  typeof head === 'object' ? head : undefined
