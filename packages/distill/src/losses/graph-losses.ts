// The losses as graph fragments: each adds a scalar to a model's graph, and the inputs it needs.

import { requireKind } from '@cola/graph/door'
import { show, text } from '@cola/graph/options'
import { addInput, build, type Graph, getValue, type Loss, scale, type Value } from '@cola/graph'
import { type Batch, ConfigError, crossEntropy } from '@cola/train'
import {
  checkLossOptions,
  type DistillationOptions,
  distillationDefaults,
  labelOptions,
  type TemperatureOptions,
} from './loss-options.ts'
import { type PairLossName, requirePair } from './pair-functions.ts'
import { pairGraphs } from './pair-graphs.ts'

/** Values of a graph that a loss between student and teacher reads. */
export interface PairGraphOptions extends TemperatureOptions {
  /** Value of the student's graph. @default 'logits' */
  student?: string
  /** Input that holds the teacher's values, of the same shape. @default 'teacher_logits' */
  teacher?: string
}

/**
 * A loss of the table between a value of the graph and a fed teacher's, either with -Infinity for classes that are
 * masked.
 * @throws {ConfigError} for a bad option.
 */
export function pairLossGraph(name: PairLossName, options: PairGraphOptions = {}): Loss {
  requirePair(name)
  checkLossOptions(`pairLossGraph ${name}`, options, { student: text, teacher: text })
  const { student = 'logits', teacher = 'teacher_logits', ...lossOptions } = options
  const loss = (graph: Graph): Value => {
    const values = getValue(graph, student)
    const target = graph.values.get(teacher) ?? addInput(graph, teacher, 'float32', values.shape)
    return pairGraphs[name](build(graph), values, target, lossOptions)
  }
  return Object.assign(loss, { meanOver: { rows: student } })
}

/** A loss and how much it counts: a number, or a function of the run's progress from 0 to 1. */
export interface Term {
  loss: Loss
  /** @default 1 */
  weight?: number | ((progress: number) => number)
}

/** Whether a loss is a sum of one's own. */
export const isTerms = (loss: object | undefined): loss is readonly Term[] => Array.isArray(loss)

const weightInput = (i: number): string => `loss_weight.${i}`

/**
 * The weighted sum of losses, each the mean over what it is a mean over: rows with a label for one, all rows for
 * another. Weights that change are scalar inputs, which {@link lossWeights} gives.
 * @throws {ConfigError} for no terms, or a weight that is not a finite number.
 */
export function sumOfLosses(terms: readonly Term[]): Loss {
  requireKind('sumOfLosses, terms', terms, 'list')
  if (terms.length === 0)
    throw new ConfigError({ where: 'loss', what: 'a sum of no losses', expected: 'at least one term' })
  terms.forEach(({ weight = 1 }, i) => {
    if (typeof weight !== 'function') finiteWeight(weight, i)
  })
  const weighted = terms.map(({ loss, weight = 1 }, i) =>
    weigh(loss, (graph, value) => timesWeight(graph, value, weight, weightInput(i))),
  )
  const sum = (graph: Graph): Value => weighted.map((loss) => loss(graph)).reduce((a, b) => build(graph).Add(a, b))
  return Object.assign(sum, { terms: weighted })
}

/** A loss, and each of its terms, times its weight. */
function weigh(loss: Loss, weigher: (graph: Graph, value: Value) => Value): Loss {
  const { meanOver, terms } = loss
  return Object.assign((graph: Graph) => weigher(graph, loss(graph)), {
    ...(meanOver ? { meanOver } : {}),
    ...(terms ? { terms: terms.map((term) => weigh(term, weigher)) } : {}),
  })
}

function timesWeight(graph: Graph, value: Value, weight: Exclude<Term['weight'], undefined>, input: string): Value {
  const g = build(graph)
  return typeof weight === 'number'
    ? scale(g, value, weight)
    : g.Mul(value, graph.values.get(input) ?? addInput(graph, input, 'float32', []))
}

function finiteWeight(weight: number, term: number): number {
  if (!Number.isFinite(weight))
    throw new ConfigError({ where: `loss, weight of term ${term}`, what: 'not a finite number', found: show(weight) })
  return weight
}

/**
 * The inputs of the weights that change, at a share of the run.
 * @throws {ConfigError} for a weight that is not a finite number.
 */
export function lossWeights(terms: readonly Term[], progress: number): Batch {
  requireKind('lossWeights, terms', terms, 'list')
  return Object.fromEntries(
    terms.flatMap(({ weight }, i) =>
      typeof weight === 'function'
        ? [[weightInput(i), { data: Float32Array.of(finiteWeight(weight(progress), i)), dims: [] }]]
        : [],
    ),
  )
}

/**
 * The distillation loss of `logits` against `teacher_logits` [batch, classes] and `labels` [batch] (-100: none).
 * `loss = alpha c/N sum KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) cross_entropy(student, labels)`
 * @throws {ConfigError} for a bad option.
 */
export function distillation(options: DistillationOptions = {}): Loss {
  checkLossOptions('distillation', options)
  const { alpha = distillationDefaults.alpha, temperature, scale: scaling, beta } = options
  const soft = {
    ...(temperature === undefined ? {} : { temperature }),
    ...(scaling ? { scale: scaling } : {}),
    ...(beta === undefined ? {} : { beta }),
  }
  return sumOfLosses([
    { loss: pairLossGraph('soft_targets', soft), weight: alpha },
    { loss: crossEntropy(labelOptions(options)), weight: 1 - alpha },
  ])
}
