// Losses that compare outputs with targets element by element, for several labels per row and for regression.

import { addInput, build, type Builder, getValue, type Graph, type Loss, scale, type Value } from '@cola/graph'
import { atLeast, type Checks, checkOptions, listOf, text } from '@cola/graph/options'
import { perClass } from './loss-terms.ts'

/** Options of losses of numbers, such as the mean squared error. */
export interface ElementwiseLossOptions {
  /** Name of the outputs, [batch, ...]. @default 'logits' */
  logits?: string
  /** Name of the input with the targets, float32, with the outputs' shape. @default 'labels' */
  labels?: string
}

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends ElementwiseLossOptions {
  /** Weight of the positive targets of each output, at least 0: PyTorch's. @default 1 */
  pos_weight?: readonly number[]
}

const checks: Checks<ElementwiseLossOptions> = { logits: text, labels: text }

type ElementLoss = (g: Builder, output: Value, target: Value) => Value

/** The mean of an elementwise loss over all elements; over several batches, over all their rows. */
function meanOfElements(elementLoss: ElementLoss, options: ElementwiseLossOptions): Loss {
  const { logits = 'logits', labels = 'labels' } = options
  const loss = (graph: Graph): Value => {
    const g = build(graph)
    const output = getValue(graph, logits)
    const target = graph.values.get(labels) ?? addInput(graph, labels, 'float32', output.shape)
    const losses = elementLoss(g, output, target)
    return g.node('ReduceMean', [losses], { name: 'loss', attributes: { keepdims: 0 } })[0] as Value
  }
  return Object.assign(loss, { meanOver: { rows: logits } })
}

/**
 * Binary cross-entropy of logits against targets from 0 to 1; torch.nn.BCEWithLogitsLoss. Without weights
 * max(x, 0) - x z + log(1 + exp(-|x|)), which never overflows.
 * @throws {ConfigError} for an option that is unknown or not valid.
 * @throws {GraphError} where there is not one weight for each output.
 */
export function binaryCrossEntropy(options: BinaryCrossEntropyOptions = {}): Loss {
  checkOptions('binaryCrossEntropy', options, { ...checks, pos_weight: listOf(atLeast(0)) })
  const { pos_weight, logits = 'logits' } = options
  return meanOfElements((g, x, z) => {
    // -|x| is x - 2 max(x, 0), and max(-x, 0) is max(x, 0) - x: at 0, where each has a kink, all take the slope of one
    // side, and the gradient is sigmoid(0) - z.
    const top = g.Relu(x)
    const tail = g.Log(g.Add(g.Exp(g.Sub(x, scale(g, top, 2))), g.scalar(1)))
    const loss = g.Add(g.Sub(top, g.Mul(x, z)), tail)
    if (!pos_weight) return loss
    // -log sigmoid(x), of the positive share of each target.
    const positive = g.Mul(z, g.Add(g.Sub(top, x), tail))
    const more = pos_weight.map((weight) => weight - 1)
    return g.Add(loss, g.Mul(positive, perClass(g, 'pos_weight', more, logits)))
  }, options)
}

/**
 * Mean squared error of outputs against targets; torch.nn.MSELoss.
 * @throws {ConfigError} for an option that is unknown or not a name.
 */
export function meanSquaredError(options: ElementwiseLossOptions = {}): Loss {
  checkOptions('meanSquaredError', options, checks)
  return meanOfElements((g, x, z) => {
    const difference = g.Sub(x, z)
    return g.Mul(difference, difference)
  }, options)
}
