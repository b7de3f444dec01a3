// The parameter table.

import type { Model } from '@cola/graph'

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
    if (name.startsWith('constant.') || dtype !== 'float32') continue
    const size = dims.reduce((a, b) => a * b, 1)
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
