// Cross-entropy of logits against classes, for sequence and token classification and language models.

import {
  addInput,
  build,
  type Graph,
  getValue,
  inPieces,
  isClass,
  joinRows,
  type Loss,
  scale,
  scalarLike,
  splitRows,
  uniqueName,
  type Value,
} from '@cola/graph'
import { atLeast, type Checks, checkOptions, listOf, share, text, whole } from '@cola/graph/options'
import { classCount, perClass } from './loss-terms.ts'

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
  /**
   * Compute the logits [rows, classes] in so many pieces of rows, forward and backward, so that one piece of them is in
   * memory at a time; it divides the number of rows. The numbers are the same. @default 1
   */
  pieces?: number
  /** Name of a value for the loss of each label, 0 where it is ignored. @default none */
  losses?: string
}

const checks: Checks<CrossEntropyOptions> = {
  logits: text,
  labels: text,
  label_smoothing: share,
  weight: listOf(atLeast(0)),
  pieces: whole(1),
  losses: text,
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
  const { logits = 'logits', labels = 'labels', label_smoothing = 0, weight, pieces = 1, losses } = options
  const loss = (graph: Graph): Value => {
    const g = build(graph)
    const scores = getValue(graph, logits)
    const classes = classCount(graph, logits)
    const target = graph.values.get(labels) ?? addInput(graph, labels, 'int32', scores.shape.slice(0, -1))
    const last = g.int64([-1])
    const sumClasses = (value: Value) => g.ReduceSum(value, last, { keepdims: 0 })
    const sum = (value: Value) => g.ReduceSum(value, { keepdims: 0 })
    const zero = scalarLike(g, scores, 0)
    const weights = weight && perClass(g, 'weight', weight, logits)
    const minusOne = scalarLike(g, scores, -1)
    const negative = weight && Array.from(weight, (w) => -w)
    const minusWeights = negative && perClass(g, 'weight.negative', negative, logits)
    /** Minus the loss of each row, and minus the sum of their weights. */
    const score = (rows: Value, labelsOfRows: Value): [Value, Value] => {
      const logProbabilities = g.LogSoftmax(rows, { axis: -1 })
      const weighted = weights ? g.Mul(logProbabilities, weights) : logProbabilities
      const isTarget = isClass(g, labelsOfRows, classes)
      // Where instead of a product: the logit of another class may be -Infinity, and 0 times infinity is NaN.
      const ofTarget = sumClasses(g.Where(isTarget, weighted, zero))
      const isLabel = g.GreaterOrEqual(labelsOfRows, g.scalar(0, 'int32'))
      const uniform = () => g.Where(isLabel, scale(g, sumClasses(weighted), 1 / classes), zero)
      const scored =
        label_smoothing === 0
          ? ofTarget
          : g.Add(scale(g, ofTarget, 1 - label_smoothing), scale(g, uniform(), label_smoothing))
      // Without weights the labels are counted: no matrix of all classes has to outlive its piece for it.
      const weighed = minusWeights ? g.Where(isTarget, minusWeights, zero) : g.Where(isLabel, minusOne, zero)
      return [scored, sum(weighed)]
    }
    const parts = splitRows(g, target, pieces)
    const scored = inPieces(graph, scores, pieces, (rows, i) => score(rows, parts[i] as Value))
    const total = (values: readonly Value[]) => values.reduce((a, b) => g.Add(a, b))
    if (losses !== undefined) {
      const each = scored.map(([rows]) => rows)
      g.node('Neg', [joinRows(g, each)], { outputs: [losses] })
    }
    // Without labels the sum of scores is 0. Where their weights are 0, label smoothing makes it another number, whose
    // share in a mean over several batches is that of a sum (divisorOf).
    const weighed = total(scored.map(([, weights]) => weights))
    const divisor = weights ? g.Where(g.Equal(weighed, zero), minusOne, weighed) : g.Min(weighed, minusOne)
    const name = uniqueName(graph, 'loss')
    return g.node('Div', [total(scored.map(([rows]) => sum(rows))), divisor], { name })[0] as Value
  }
  return Object.assign(loss, { meanOver: { labels, logits, ...(weight ? { weight } : {}) } })
}
