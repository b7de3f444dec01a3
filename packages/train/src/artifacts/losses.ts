// Losses that any model can train on. Distillation losses are @cola/distill's.

import { addInput, build, type Dim, type Graph, GraphError, type Loss, oneHot, scale, type Value, getValue } from '@cola/graph'

export interface CrossEntropyOptions {
  /** Name of the logits, [..., classes]. @default 'logits' */
  logits?: string
  /** Name of the input that holds the classes, int32, shaped as the logits without their last axis. @default 'labels' */
  labels?: string
  /** Share of the probability given to all classes alike. @default 0 */
  label_smoothing?: number
}

/**
 * Mean cross-entropy of `logits` against int32 `labels`; torch.nn.CrossEntropyLoss. Labels below 0 (PyTorch's -100) are left out of the mean.
 * @throws {GraphError} when the number of classes is not known.
 */
export function crossEntropy({ logits = 'logits', labels = 'labels', label_smoothing = 0 }: CrossEntropyOptions = {}): Loss {
  return (graph: Graph): Value => {
    const g = build(graph)
    const scores = getValue(graph, logits)
    const classes: Dim | undefined = scores.shape.at(-1)
    if (typeof classes !== 'number')
      throw new GraphError({ where: `value "${logits}"`, what: 'the number of classes is unknown', found: `[${scores.shape.join(', ')}]` })
    const target = addInput(graph, labels, 'int32', scores.shape.slice(0, -1))
    const logProbabilities = g.LogSoftmax(scores, { axis: -1 })
    const hot = oneHot(g, target, classes, scores.dtype)
    const last = g.int64([-1])
    const own = g.Neg(g.ReduceSum(g.Mul(hot, logProbabilities), last, { keepdims: 0 }))
    const counted = g.ReduceSum(hot, last, { keepdims: 0 })
    const uniform = g.Mul(counted, g.Neg(g.ReduceMean(logProbabilities, last, { keepdims: 0 })))
    const each = label_smoothing === 0 ? own : g.Add(scale(g, own, 1 - label_smoothing), scale(g, uniform, label_smoothing))
    return g.node('Div', [g.ReduceSum(each, { keepdims: 0 }), g.ReduceSum(counted, { keepdims: 0 })], { name: 'loss' })[0] as Value
  }
}
