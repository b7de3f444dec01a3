// The losses of pair-functions.ts as graph fragments, for training.

import { type Builder, scale as times, type Value } from '@cola/graph'
import { distillationDefaults, factorOf, type TemperatureOptions } from './loss-options.ts'
import { epsilon, type PairLossName } from './pair-functions.ts'

/** Adds the loss of `student` against `teacher`, both [rows, width], as a scalar. */
export type PairGraph = (g: Builder, student: Value, teacher: Value, options: TemperatureOptions) => Value

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

const meanSquare: PairGraph = (g, student, teacher) => {
  const difference = g.Sub(student, teacher)
  return g.ReduceMean(g.Mul(difference, difference), { keepdims: 0 })
}

export const pairGraphs: Readonly<Record<PairLossName, PairGraph>> = {
  soft_targets: (g, student, teacher, options) => {
    const [logS, logT] = [logProbabilities(g, student, options), logProbabilities(g, teacher, options)]
    return times(g, perRow(g, divergences(g, logT, logS)), factorOf(options))
  },
  reverse_kl: (g, student, teacher, options) => {
    const [logS, logT] = [logProbabilities(g, student, options), logProbabilities(g, teacher, options)]
    return times(g, perRow(g, divergences(g, logS, logT)), factorOf(options))
  },
  jensen_shannon: (g, student, teacher, options) => {
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
  logits_mse: meanSquare,
  hidden_mse: meanSquare,
  hidden_cosine: (g, student, teacher) => {
    const norm = (value: Value) =>
      g.Max(g.Sqrt(g.Add(g.ReduceSum(g.Mul(value, value), last(g)), g.scalar(epsilon ** 2))), g.scalar(epsilon))
    const cosine = g.Div(g.ReduceSum(g.Mul(student, teacher), last(g)), g.Mul(norm(student), norm(teacher)))
    return g.Sub(g.scalar(1), g.ReduceMean(cosine, { keepdims: 0 }))
  },
}
