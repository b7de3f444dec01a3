// Losses that any model can train on. Distillation losses are @cola/distill's.

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
import { classCount } from './terms.ts'

export interface CrossEntropyOptions {
  /** Name of the logits, [..., classes]. @default 'logits' */
  logits?: string
  /**
   * Name of the input that holds the classes, int32, shaped as the logits without their last axis. @default 'labels'
   */
  labels?: string
  /** Share of the probability given to all classes alike, 0 to 1. @default 0 */
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
 * Mean cross-entropy of `logits` against int32 `labels`; torch.nn.CrossEntropyLoss. Labels of -100 are left out of the
 * mean, which is 0 where nothing is left; a session refuses other labels that are no class. Over several batches it is
 * the mean over all their labels (the sum of their weights).
 * @throws {ConfigError} for an option that is unknown or out of its range.
 * @throws {GraphError} when the number of classes is not known, or is not that of the weights.
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
        what: 'not one a class',
        expected: String(classes),
        found: String(weight.length),
      })
    const target = graph.values.get(labels) ?? addInput(graph, labels, 'int32', scores.shape.slice(0, -1))
    const last = g.int64([-1])
    const over = (value: Value) => g.ReduceSum(value, last, { keepdims: 0 })
    const weights = weight && g.constant('class_weights', float32([classes], weight))
    const surprise = g.Neg(g.LogSoftmax(scores, { axis: -1 }))
    const weighted = weights ? g.Mul(surprise, weights) : surprise
    const hot = oneHot(g, target, classes, scores.dtype)
    // Chosen, not multiplied: a class of another label may be masked, and 0 times infinity is no number.
    const own = over(g.Where(g.Greater(hot, scalarLike(g, hot, 0)), weighted, scalarLike(g, weighted, 0)))
    const uniform = () => g.Mul(over(hot), scale(g, over(weighted), 1 / classes))
    const each =
      label_smoothing === 0 ? own : g.Add(scale(g, own, 1 - label_smoothing), scale(g, uniform(), label_smoothing))
    const total = g.ReduceSum(weights ? g.Mul(hot, weights) : hot, { keepdims: 0 })
    // Where no row has a label the sum is 0 too: any divisor will do.
    const divisor = g.Where(g.Greater(total, g.scalar(0)), total, g.scalar(1))
    return g.node('Div', [g.ReduceSum(each, { keepdims: 0 }), divisor], { name: uniqueName(graph, 'loss') })[0] as Value
  }
  return Object.assign(loss, { meanOver: { labels, logits, ...(weight ? { weight } : {}) } })
}
