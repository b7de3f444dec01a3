// Gradient rules of softmax, layer and RMS normalization.

import type { Value } from '../ir/graph.ts'
import { cast, inverseRms, lastAxes, scalarLike } from '../ops/composite.ts'
import type { OperatorName } from '../ops/index.ts'
import { input, output } from './context.ts'
import type { GradientRule, RuleContext } from './rule.ts'

/**
 * Layer normalization: with n = (x - mean) / std and h = dy * scale,
 * dx = (h - mean(h) - n mean(h n)) / std. The operator with a scale of ones recomputes n and 1 / std: one pass over x
 * instead of eight.
 */
function layerNormalization(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [x, weight] = [input(c, 0), input(c, 1)]
  const axes = g.int64(lastAxes(x, attributes.axis as number))
  const ones = g.Expand(scalarLike(g, weight, 1), g.Shape(weight))
  const [normal, , deviation] = g.node('LayerNormalization', [x, ones], { attributes, outputCount: 3 }) as [
    Value,
    Value,
    Value,
  ]
  const inverse = cast(g, deviation, x.dtype)
  const h = g.Mul(dy, weight)
  const dx = g.Mul(inverse, g.Sub(g.Sub(h, g.ReduceMean(h, axes)), g.Mul(normal, g.ReduceMean(g.Mul(h, normal), axes))))
  return [dx, g.Mul(dy, normal), c.x[2] ? dy : null]
}

/**
 * RMS normalization: with n = x / rms and h = dy * scale, dx = (h - n mean(h n)) / rms. n is the expression that
 * `lower` gives the forward pass, so that a runtime computes it once.
 */
function rmsNormalization(c: RuleContext): (Value | null)[] {
  const { g, dy, attributes } = c
  const [x, weight] = [input(c, 0), input(c, 1)]
  const inverse = inverseRms(g, x, attributes as { axis: number; epsilon: number })
  const [normal, h] = [g.Mul(x, inverse), g.Mul(dy, weight)]
  const mean = g.ReduceMean(g.Mul(h, normal), g.int64(lastAxes(x, attributes.axis as number)))
  return [g.Mul(inverse, g.Sub(h, g.Mul(normal, mean))), g.Mul(dy, normal)]
}

/** The rules of normalizations. */
export const normalization = {
  Softmax: (c) => {
    const axes = c.g.int64([c.attributes.axis as number])
    return [c.g.Mul(output(c), c.g.Sub(c.dy, c.g.ReduceSum(c.g.Mul(c.dy, output(c)), axes)))] // y (dy - sum(dy y))
  },
  LogSoftmax: (c) => {
    const total = c.g.ReduceSum(c.dy, c.g.int64([c.attributes.axis as number]))
    return [c.g.Sub(c.dy, c.g.Mul(c.g.Exp(output(c)), total))]
  },
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: 'unsupported', // introduced after differentiation
  SkipLayerNormalization: 'unsupported', // introduced after differentiation
  SkipSimplifiedLayerNormalization: 'unsupported', // introduced after differentiation
} satisfies Partial<Record<OperatorName, GradientRule>>
