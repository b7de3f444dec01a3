// Losses that compare outputs with targets element by element, for several labels per row and for regression.

import { addInput, build, type Builder, getValue, type Graph, type Loss, type Value } from '@cola/graph'
import { type Checks, checkOptions, text } from '@cola/graph/options'

/** Options of losses of numbers, such as the mean squared error. */
export interface ElementwiseLossOptions {
  /** Name of the outputs, [batch, ...]. @default 'logits' */
  logits?: string
  /** Name of the input with the targets, float32, with the outputs' shape. @default 'labels' */
  labels?: string
}

const checks: Checks<ElementwiseLossOptions> = { logits: text, labels: text }

type ElementLoss = (g: Builder, output: Value, target: Value) => Value

/** The mean of an elementwise loss over all elements; over several batches, over all their rows. */
function meanOfElements(name: string, elementLoss: ElementLoss, options: ElementwiseLossOptions): Loss {
  checkOptions(name, options, checks)
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
 * Binary cross-entropy of logits against targets from 0 to 1; torch.nn.BCEWithLogitsLoss.
 * max(x, 0) - x z + log(1 + exp(-|x|)), which never overflows.
 * @throws {ConfigError} for an option that is unknown or not a name.
 */
export const binaryCrossEntropy = (options: ElementwiseLossOptions = {}): Loss =>
  meanOfElements(
    'binaryCrossEntropy',
    (g, x, z) => {
      const tail = g.Log(g.Add(g.Exp(g.Neg(g.Abs(x))), g.scalar(1)))
      return g.Add(g.Sub(g.Relu(x), g.Mul(x, z)), tail)
    },
    options,
  )

/**
 * Mean squared error of outputs against targets; torch.nn.MSELoss.
 * @throws {ConfigError} for an option that is unknown or not a name.
 */
export const meanSquaredError = (options: ElementwiseLossOptions = {}): Loss =>
  meanOfElements(
    'meanSquaredError',
    (g, x, z) => {
      const difference = g.Sub(x, z)
      return g.Mul(difference, difference)
    },
    options,
  )
