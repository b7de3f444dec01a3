// The links of optimizer chains.

import { requireKind } from '@cola/graph/door'
import { type Builder, elementCount, float32, scale, type Value } from '@cola/graph'
import { atLeast, checkOptions, checkValue, listOf, positive, shareBelow1 } from '@cola/graph/options'
import type { ParameterUpdate, Transformation } from './optimizer.ts'

/**
 * Scales all gradients so that their joint L2 norm is at most `maximum`; torch.nn.utils.clip_grad_norm_.
 * Coefficient: min(1, maximum / (norm + 1e-6)).
 * @throws {ConfigError} when the maximum is not above 0.
 */
export function clipByGlobalNorm(maximum: number): Transformation {
  checkValue('clipByGlobalNorm', maximum, positive)
  return {
    state: [],
    apply: (g, updates) => {
      const squares = updates.map(({ update }) => g.ReduceSumSquare(update, { keepdims: 0 }))
      const norm = g.Sqrt(squares.reduce((a, b) => g.Add(a, b)))
      const factor = g.Min(g.scalar(1), g.Div(g.scalar(maximum), g.Add(norm, g.scalar(1e-6))))
      return updates.map((entry) => ({ ...entry, update: g.Mul(entry.update, factor) }))
    },
  }
}

/**
 * L2 penalty added to the gradient (torch.optim.Adam and SGD), for the parameters that `decays` names.
 * @throws {ConfigError} below 0.
 */
export function addWeightDecay(weightDecay: number, decays: (name: string) => boolean = () => true): Transformation {
  checkValue('addWeightDecay', weightDecay, atLeast(0))
  return {
    state: [],
    apply: (g, updates) =>
      updates.map((entry) =>
        entry.parts.some(({ name }) => decays(name))
          ? {
              ...entry,
              update: g.Add(
                entry.update,
                scaleByPart(g, entry.parameter, entry, (name) => (decays(name) ? weightDecay : 0)),
              ),
            }
          : entry,
      ),
  }
}

/** Adam's direction: m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps). Kingma & Ba 2015; torch.optim.Adam. */
export function scaleByAdam(options: { betas: readonly [number, number]; eps: number }): Transformation {
  checkOptions('scaleByAdam', options, { betas: listOf(shareBelow1, 2), eps: atLeast(0) })
  const { eps, betas } = options
  const [beta1, beta2] = betas
  return {
    state: ['exp_avg', 'exp_avg_sq'],
    apply: (g, updates, { biasCorrection }, { read, save }) => {
      const [correction1, correction2] = [biasCorrection(beta1, -1), biasCorrection(beta2, -0.5)]
      return updates.map((entry) => {
        const { name, update } = entry
        const m = g.Add(scale(g, read(name, 'exp_avg'), beta1), scale(g, update, 1 - beta1))
        const v = g.Add(scale(g, read(name, 'exp_avg_sq'), beta2), scale(g, g.Mul(update, update), 1 - beta2))
        save(name, 'exp_avg', m)
        save(name, 'exp_avg_sq', v)
        const denominator = g.Add(g.Mul(g.Sqrt(v), correction2), g.scalar(eps))
        return { ...entry, update: g.Mul(g.Div(m, denominator), correction1) }
      })
    },
  }
}

/** Momentum: b = momentum b + g; torch.optim.SGD without dampening. */
export function trace(momentum: number, nesterov: boolean): Transformation {
  checkValue('trace, momentum', momentum, atLeast(0))
  return {
    state: ['momentum_buffer'],
    apply: (g, updates, _scalars, { read, save }) =>
      updates.map((entry) => {
        const buffer = g.Add(scale(g, read(entry.name, 'momentum_buffer'), momentum), entry.update)
        save(entry.name, 'momentum_buffer', buffer)
        return { ...entry, update: nesterov ? g.Add(entry.update, scale(g, buffer, momentum)) : buffer }
      }),
  }
}

/** Multiplies the update of each parameter by a factor: LoRA+, layer-wise rates. */
export function scaleByGroup(factor: (name: string) => number): Transformation {
  requireKind('scaleByGroup, factor', factor, 'function')
  return {
    state: [],
    apply: (g, updates) => updates.map((entry) => ({ ...entry, update: scaleByPart(g, entry.update, entry, factor) })),
  }
}

/** `value` times one factor per parameter of the tensor. */
function scaleByPart(g: Builder, value: Value, { parts }: ParameterUpdate, factor: (name: string) => number): Value {
  const factors = parts.map(({ name }) => factor(name))
  if (factors.every((number) => number === factors[0])) return scale(g, value, factors[0] as number)
  const vector = parts.flatMap(({ dims }, i) => new Array<number>(elementCount(dims)).fill(factors[i] as number))
  return g.Mul(value, g.constant(`${value.name}.factors`, float32([vector.length], vector)))
}
