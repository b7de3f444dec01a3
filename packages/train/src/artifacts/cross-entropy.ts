// Cross-entropy of logits against classes, for sequence and token classification and language models.

import {
  addInput,
  build,
  float32,
  type Graph,
  GraphError,
  getValue,
  type Loss,
  oneHot,
  scale,
  scalarLike,
  uniqueName,
  type Value,
} from '@cola/graph'
import { atLeast, type Checks, checkOptions, listOf, share, text } from '../options.ts'
import { classCount } from './loss-terms.ts'

/** Options of {@link crossEntropy}: PyTorch's `ignore_index`, `label_smoothing` and class weights. */
export interface CrossEntropyOptions {
  /** Name of the logits, [..., classes]. @default 'logits' */
  logits?: string
  /** Name of the input with the classes, int32, with the logits' shape without the last axis. @default 'labels' */
  labels?: string
  /** Probability that is distributed evenly over all classes, 0 to 1. @default 0 */
  label_smoothing?: number
  /** Weight of each class, at least 0. @default none */
  weight?: readonly number[]
}

const checks: Checks<CrossEntropyOptions> = {
  logits: text,
  labels: text,
  label_smoothing: share,
  weight: listOf(atLeast(0)),
}

/**
 * Mean cross-entropy of `logits` against int32 `labels`; torch.nn.CrossEntropyLoss. Labels of -100 are ignored; without
 * other labels the loss is 0. A session refuses other labels that are not a class. Over several batches it is the mean
 * over all their labels (weighted by class).
 * @throws {ConfigError} for an option that is unknown or out of its range.
 * @throws {GraphError} when the number of classes is not known, or differs from the number of weights.
 */
export function crossEntropy(options: CrossEntropyOptions = {}): Loss {
  checkOptions('crossEntropy', options, checks)
  const { logits = 'logits', labels = 'labels', label_smoothing = 0, weight } = options
  const loss = (graph: Graph): Value => {
    const g = build(graph)
    const scores = getValue(graph, logits)
    const classes = classCount(graph, logits)
    if (weight && weight.length !== classes)
      throw new GraphError({
        where: 'option weight',
        what: 'not one per class',
        expected: String(classes),
        found: String(weight.length),
      })
    const target = graph.values.get(labels) ?? addInput(graph, labels, 'int32', scores.shape.slice(0, -1))
    const last = g.int64([-1])
    const sumClasses = (value: Value) => g.ReduceSum(value, last, { keepdims: 0 })
    const weights = weight && g.constant('class_weights', float32([classes], weight))
    const negativeLog = g.Neg(g.LogSoftmax(scores, { axis: -1 }))
    const weighted = weights ? g.Mul(negativeLog, weights) : negativeLog
    const hot = oneHot(g, target, classes, scores.dtype)
    // Where instead of a product: the logit of another class may be -Infinity, and 0 times infinity is NaN.
    const nll = sumClasses(g.Where(g.Greater(hot, scalarLike(g, hot, 0)), weighted, scalarLike(g, weighted, 0)))
    const uniform = () => g.Mul(sumClasses(hot), scale(g, sumClasses(weighted), 1 / classes))
    const losses =
      label_smoothing === 0 ? nll : g.Add(scale(g, nll, 1 - label_smoothing), scale(g, uniform(), label_smoothing))
    const total = g.ReduceSum(weights ? g.Mul(hot, weights) : hot, { keepdims: 0 })
    // Without labels the sum is 0, and the divisor only has to be another number than 0.
    const divisor = g.Where(g.Greater(total, g.scalar(0)), total, g.scalar(1))
    const sum = g.ReduceSum(losses, { keepdims: 0 })
    return g.node('Div', [sum, divisor], { name: uniqueName(graph, 'loss') })[0] as Value
  }
  return Object.assign(loss, { meanOver: { labels, logits, ...(weight ? { weight } : {}) } })
}
