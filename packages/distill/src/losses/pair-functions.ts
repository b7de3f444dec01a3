// The losses between a student's values and a teacher's, as plain functions on arrays, which need neither graphs nor a
// runtime; pair-graphs.ts has each as a graph fragment.

import { closestValue, show } from '@cola/graph/options'
import { ConfigError } from '@cola/train/errors'
import { distillationDefaults, factorOf, type TemperatureOptions } from './loss-options.ts'
import { dot, logAddExp, logSoftmax, rowsOf, sumRows, type ValueAndGradient } from './row-numerics.ts'

/** The loss of `student` against `teacher`, both [rows, width], with its gradient with respect to `student`. */
export type PairFunction = (
  student: ArrayLike<number>,
  teacher: ArrayLike<number>,
  width: number,
  options: TemperatureOptions,
) => ValueAndGradient

/**
 * A loss of two distributions, row by row: its value and its gradient with respect to the student's log-probabilities'
 * logits.
 */
type Divergence = (
  student: readonly number[],
  teacher: readonly number[],
  options: TemperatureOptions,
) => readonly [number, readonly number[]]

function ofLogits(divergence: Divergence): PairFunction {
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

const meanSquare: PairFunction = (student, teacher) => {
  const difference = elementwise(student, teacher)
  return {
    loss: dot(difference, difference) / difference.length,
    gradient: Float32Array.from(difference, (d) => (2 * d) / difference.length),
  }
}

/** Keeps the norm of a row of zeros from dividing by zero; torch.nn.functional.cosine_similarity's eps. */
export const epsilon = 1e-8

export const pairFunctions = {
  /** c/N sum KL(softmax(teacher / T) || softmax(student / T)). Hinton, Vinyals & Dean 2015. */
  soft_targets: ofLogits((logS, logT) => [
    divergence(logT, logS),
    logS.map((s, i) => Math.exp(s) - Math.exp(logT[i] as number)),
  ]),
  /** c/N sum KL(softmax(student / T) || softmax(teacher / T)): seeks the teacher's mode. Gu et al. 2024. */
  reverse_kl: ofLogits((logS, logT) => [divergence(logS, logT), throughSoftmax(logS, logRatio(logS, logT))]),
  /**
   * c/N sum beta KL(t || m) + (1 - beta) KL(s || m), m = beta t + (1 - beta) s. Agarwal et al. 2024, generalized JSD.
   */
  jensen_shannon: ofLogits((logS, logT, { beta = distillationDefaults.beta }) => {
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
  /** Mean squared difference of the logits. Ba & Caruana 2014; Tang et al. 2019. */
  logits_mse: meanSquare,
  /** Mean squared difference of hidden states. Sun et al. 2019 (PKD). */
  hidden_mse: meanSquare,
  /** Mean over rows of 1 - cos(student, teacher). Sanh et al. 2019 (DistilBERT). */
  hidden_cosine: (student, teacher, width) => {
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
} as const satisfies Record<string, PairFunction>

/** Name of a loss of the table. */
export type PairLossName = keyof typeof pairFunctions

/** @throws {ConfigError} for a name that the table has not. */
export function requirePair(name: PairLossName): void {
  if (!Object.hasOwn(pairFunctions, name))
    throw new ConfigError({
      where: 'loss',
      what: 'no loss of this name',
      expected: Object.keys(pairFunctions).join(', '),
      found: show(name),
      fix: closestValue(name, Object.keys(pairFunctions)),
    })
}
