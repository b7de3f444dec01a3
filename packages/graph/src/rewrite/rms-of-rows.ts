// x / rms(x) and 1 / rms(x) of rows, by one kernel of the runtime.

import type { Value } from '../ir/graph.ts'
import type { Builder } from '../ops/build.ts'
import { float32 } from '../tensor/tensor.ts'
import { memoize } from './memoize.ts'

export interface NormalizedRows {
  /** x / sqrt(mean(x^2) + epsilon), by row. */
  normal: Value
  /** 1 / sqrt(mean(x^2) + epsilon), by row. */
  inverse: Value
}

/** Normalizes the rows of values of a graph, whose last axis has a known width. */
export function rmsOfRows(): (g: Builder, x: Value, width: number, epsilon: number) => NormalizedRows {
  const ones = memoize<Value>()
  return (g, x, width, epsilon) => {
    const weight = ones(String(width), () =>
      g.constant(`constant.ones(${width})`, float32([width], new Float32Array(width).fill(1))),
    )
    const attributes = { axis: -1, epsilon }
    const outputs = g.node('SimplifiedLayerNormalization', [x, weight], { attributes, outputCount: 2 })
    const [normal, inverse] = outputs as [Value, Value]
    return { normal, inverse }
  }
}
