// THE table of losses between a student's values and a teacher's: each as a graph fragment for training and as a plain
// function on arrays.
// One row a loss; the tests sweep the table, so a row whose two forms disagree, or whose gradient is wrong, fails.

import { type Builder, scale as times, type Value } from '@cola/graph'
import { ConfigError } from '@cola/train'
import { distillationDefaults, factorOf, type TemperatureOptions } from './loss-options.ts'
import { dot, logAddExp, logSoftmax, rowsOf, sumRows, type ValueAndGradient } from './row-numerics.ts'

export interface PairLoss {
  /** Adds the loss of `student` against `teacher`, both [rows, width], as a scalar. */
  readonly graph: (g: Builder, student: Value, teacher: Value, options: TemperatureOptions) => Value
  /** The same of arrays [rows, width], with its gradient with respect to `student`. */
  readonly plain: (
    student: ArrayLike<number>,
    teacher: ArrayLike<number>,
    width: number,
    options: TemperatureOptions,
  ) => ValueAndGradient
}

const last = (g: Builder): Value => g.int64([-1])
const sum = (g: Builder, value: Value): Value => g.ReduceSum(value, { keepdims: 0 })
/** Mean over rows of a sum over everything. */
const perRow = (g: Builder, value: Value): Value => sum(g, g.ReduceMean(value, g.int64([0])))
/** p log(p / q) of each element, with 0 log 0 = 0: a class that p never takes counts nothing, whatever q is. */
function divergences(g: Builder, logP: Value, logQ: Value): Value {
  const p = g.Exp(logP)
  return g.Mul(p, g.Where(g.Greater(p, g.scalar(0)), g.Sub(logP, logQ), g.scalar(0)))
}
const logProbabilities = (
  g: Builder,
  logits: Value,
  { temperature = distillationDefaults.temperature }: TemperatureOptions,
): Value => g.LogSoftmax(times(g, logits, 1 / temperature), { axis: -1 })

/**
 * A loss of two distributions, row by row: its value and its gradient with respect to the student's log-probabilities'
 * logits.
 */
type Divergence = (
  student: readonly number[],
  teacher: readonly number[],
  options: TemperatureOptions,
) => readonly [number, readonly number[]]

function ofLogits(divergence: Divergence): PairLoss['plain'] {
  return (student, teacher, width, options) => {
    const { temperature = distillationDefaults.temperature } = options
    const factor = factorOf(options) / (student.length / width)
    const soft = (values: ArrayLike<number>) =>
      rowsOf(values, width).map((row) => logSoftmax(row.map((z) => z / temperature)))
    const targets = soft(teacher)
    return sumRows(
      soft(student).map((row, i) => {
        const [loss, gradient] = divergence(row, targets[i] as number[], options)
        return [factor * loss, gradient.map((g) => (factor * g) / temperature)]
      }),
    )
  }
}

/** p (d - sum(p d)): a gradient with respect to probabilities, as one with respect to logits. */
function throughSoftmax(logP: readonly number[], d: readonly number[]): number[] {
  const p = logP.map(Math.exp)
  const mean = dot(p, d)
  return p.map((probability, i) => (probability === 0 ? 0 : probability * ((d[i] as number) - mean)))
}

/** log(p / q), 0 where p is 0. */
const logRatio = (logP: readonly number[], logQ: readonly number[]): number[] =>
  logP.map((a, i) => (Math.exp(a) === 0 ? 0 : a - (logQ[i] as number)))

/** KL(p || q), with 0 log 0 = 0. */
const divergence = (logP: readonly number[], logQ: readonly number[]): number =>
  dot(logP.map(Math.exp), logRatio(logP, logQ))

const elementwise = (student: ArrayLike<number>, teacher: ArrayLike<number>): number[] =>
  Array.from(student, (s, i) => s - (teacher[i] as number))

const meanSquare: PairLoss = {
  graph: (g, student, teacher) => {
    const difference = g.Sub(student, teacher)
    return g.ReduceMean(g.Mul(difference, difference), { keepdims: 0 })
  },
  plain: (student, teacher) => {
    const difference = elementwise(student, teacher)
    return {
      loss: dot(difference, difference) / difference.length,
      gradient: Float32Array.from(difference, (d) => (2 * d) / difference.length),
    }
  },
}

/** Keeps the norm of a row of zeros from dividing by zero; torch.nn.functional.cosine_similarity's eps. */
const epsilon = 1e-8

export const pairLosses = {
  /** c/N sum KL(softmax(teacher / T) || softmax(student / T)). Hinton, Vinyals & Dean 2015. */
  soft_targets: {
    graph: (g, student, teacher, options) => {
      const [logS, logT] = [logProbabilities(g, student, options), logProbabilities(g, teacher, options)]
      return times(g, perRow(g, divergences(g, logT, logS)), factorOf(options))
    },
    plain: ofLogits((logS, logT) => [
      divergence(logT, logS),
      logS.map((s, i) => Math.exp(s) - Math.exp(logT[i] as number)),
    ]),
  },
  /** c/N sum KL(softmax(student / T) || softmax(teacher / T)): seeks the teacher's mode. Gu et al. 2024. */
  reverse_kl: {
    graph: (g, student, teacher, options) => {
      const [logS, logT] = [logProbabilities(g, student, options), logProbabilities(g, teacher, options)]
      return times(g, perRow(g, divergences(g, logS, logT)), factorOf(options))
    },
    plain: ofLogits((logS, logT) => [divergence(logS, logT), throughSoftmax(logS, logRatio(logS, logT))]),
  },
  /**
   * c/N sum beta KL(t || m) + (1 - beta) KL(s || m), m = beta t + (1 - beta) s. Agarwal et al. 2024, generalized JSD.
   */
  jensen_shannon: {
    graph: (g, student, teacher, options) => {
      const { beta = distillationDefaults.beta } = options
      const [logS, logT] = [logProbabilities(g, student, options), logProbabilities(g, teacher, options)]
      const [a, b] = [g.Add(logT, g.scalar(Math.log(beta))), g.Add(logS, g.scalar(Math.log(1 - beta)))]
      const greatest = g.Max(a, b)
      const logM = g.Add(greatest, g.Log(g.Add(g.Exp(g.Sub(a, greatest)), g.Exp(g.Sub(b, greatest)))))
      // log m needs no gradient: what flows through it is the gradient of sum(m), which is 1.
      const mixture = g.StopGradient(logM)
      const part = (log: Value, weight: number) => times(g, divergences(g, log, mixture), weight)
      return times(g, perRow(g, g.Add(part(logT, beta), part(logS, 1 - beta))), factorOf(options))
    },
    plain: ofLogits((logS, logT, { beta = distillationDefaults.beta }) => {
      const logM = logS.map((s, i) => logAddExp(Math.log(beta) + (logT[i] as number), Math.log(1 - beta) + s))
      const loss = beta * divergence(logT, logM) + (1 - beta) * divergence(logS, logM)
      return [
        loss,
        throughSoftmax(
          logS,
          logRatio(logS, logM).map((ratio) => (1 - beta) * ratio),
        ),
      ]
    }),
  },
  /** Mean squared difference of the logits. Ba & Caruana 2014; Tang et al. 2019. */
  logits_mse: meanSquare,
  /** Mean squared difference of hidden states. Sun et al. 2019 (PKD). */
  hidden_mse: meanSquare,
  /** Mean over rows of 1 - cos(student, teacher). Sanh et al. 2019 (DistilBERT). */
  hidden_cosine: {
    graph: (g, student, teacher) => {
      const norm = (value: Value) =>
        g.Max(g.Sqrt(g.Add(g.ReduceSum(g.Mul(value, value), last(g)), g.scalar(epsilon ** 2))), g.scalar(epsilon))
      const cosine = g.Div(g.ReduceSum(g.Mul(student, teacher), last(g)), g.Mul(norm(student), norm(teacher)))
      return g.Sub(g.scalar(1), g.ReduceMean(cosine, { keepdims: 0 }))
    },
    plain: (student, teacher, width) => {
      const targets = rowsOf(teacher, width)
      const count = targets.length
      return sumRows(
        rowsOf(student, width).map((s, i) => {
          const t = targets[i] as number[]
          const [a, b] = [Math.max(Math.sqrt(dot(s, s)), epsilon), Math.max(Math.sqrt(dot(t, t)), epsilon)]
          const cosine = dot(s, t) / (a * b)
          return [(1 - cosine) / count, s.map((x, k) => ((cosine * x) / (a * a) - (t[k] as number) / (a * b)) / count)]
        }),
      )
    },
  },
} as const satisfies Record<string, PairLoss>

/** Name of a loss of the table. */
export type PairLossName = keyof typeof pairLosses

/** The row of a loss. @throws {ConfigError} for a name that the table has not. */
export function lossNamed(name: PairLossName): PairLoss {
  if (!Object.hasOwn(pairLosses, name))
    throw new ConfigError({
      where: 'loss',
      what: 'no loss of this name',
      expected: Object.keys(pairLosses).join(', '),
      found: String(name),
    })
  return pairLosses[name]
}
