// A loss as the sum of its terms. Each is a mean over a count that follows from the batch alone (rows, labelled
// tokens), so that the means of several batches can be combined into that of one large batch, as transformers does with
// num_items_in_batch.

import {
  build,
  type Builder,
  type Dim,
  dimSymbols,
  float32,
  type Graph,
  getValue,
  GraphError,
  type Loss,
  type MeanOver,
  type Value,
} from '@cola/graph'

/** What a term of a loss is a mean over, as JSON. */
export type LossTerm = LabelTerm | RowTerm

/** Mean over the labels of an input that are not -100, weighted by class if `weight` is set. */
export interface LabelTerm {
  /** Name of the input. */
  readonly labels: string
  /** Number of classes. */
  readonly classes: number
  readonly weight?: readonly number[]
}

/** Mean over rows. */
export interface RowTerm {
  /** Number of rows, as an expression of symbols. */
  readonly rows: Dim
  /** Input and axis that determine each symbol. */
  readonly symbols: Readonly<Record<string, readonly [input: string, axis: number]>>
}

/** A loss in a graph: its scalar, the means of which it is the sum, and what each of them is a mean over. */
export interface AddedLoss {
  readonly loss: Value
  readonly means: readonly Value[]
  readonly terms: readonly LossTerm[]
}

/**
 * Adds a loss to a graph; terms that are means over the same thing are joined.
 * @throws {GraphError} when the number of classes is not known, and for a loss that gives no numbers with fractions.
 */
export function addLoss(graph: Graph, loss: Loss): AddedLoss {
  const g = build(graph)
  const sum = (values: readonly Value[]) => values.reduce((a, b) => g.Add(a, b))
  const output = graph.outputs[0]
  const groups = new Map<string, { term: LossTerm; values: Value[] }>()
  for (const addTerm of termsOf(loss)) {
    const value = requireFloats(addTerm(graph), addTerm)
    const term = termOf(graph, addTerm.meanOver ?? { rows: output ?? value.name })
    const key = JSON.stringify(term)
    const group = groups.get(key) ?? { term, values: [] }
    group.values.push(value)
    groups.set(key, group)
  }
  const means = [...groups.values()].map(({ values }) => sum(values))
  return { loss: sum(means), means, terms: [...groups.values()].map(({ term }) => term) }
}

/** @throws {GraphError} naming the loss, where it gives no value, or one of a dtype that has no gradients. */
function requireFloats(value: Value, { name }: Loss): Value {
  const dtype = (value as Partial<Value> | undefined)?.dtype
  if (dtype?.startsWith('float')) return value
  throw new GraphError({
    where: `loss${name ? ` "${name}"` : ''}${dtype ? `, value "${value.name}"` : ''}`,
    what: dtype ? 'a value without gradients' : 'it returns no value of the graph',
    expected: 'a scalar in float32, such as ReduceMean gives',
    found: dtype ?? typeof value,
  })
}

const termsOf = (loss: Loss): readonly Loss[] => loss.terms?.flatMap(termsOf) ?? [loss]

function termOf(graph: Graph, over: MeanOver): LossTerm {
  return 'rows' in over ? rowTerm(graph, getValue(graph, over.rows).shape[0] ?? 1) : labelTerm(graph, over)
}

function labelTerm(graph: Graph, { labels, logits, weight }: Extract<MeanOver, { labels: string }>): LabelTerm {
  return { labels, classes: classCount(graph, logits), ...(weight ? { weight: Array.from(weight) } : {}) }
}

/** Size of the last dimension of logits. @throws {GraphError} when it is not a number. */
export function classCount(graph: Graph, logits: string): number {
  const { shape } = getValue(graph, logits)
  const classes = shape.at(-1)
  if (typeof classes !== 'number')
    throw new GraphError({
      where: `value "${logits}"`,
      what: 'the number of classes is unknown',
      found: `[${shape.join(', ')}]`,
    })
  return classes
}

/** A constant with one number for each class. @throws {GraphError} where there are more or fewer. */
export function perClass(g: Builder, option: string, numbers: readonly number[], logits: string): Value {
  const classes = classCount(g.graph, logits)
  if (numbers.length === classes) return g.constant(option, float32([classes], numbers))
  throw new GraphError({
    where: `option ${option}`,
    what: 'not one per class',
    expected: String(classes),
    found: String(numbers.length),
  })
}

/** The number of rows by symbols that inputs determine; the rows of the first input if one of the symbols is not. */
function rowTerm(graph: Graph, rows: Dim): RowTerm {
  const axes = dimSymbols(rows).map((symbol) => [symbol, axisOf(graph, symbol)] as const)
  if (axes.every(([, axis]) => axis)) return { rows, symbols: Object.fromEntries(axes) as RowTerm['symbols'] }
  return { rows: 'batch', symbols: { batch: [graph.inputs[0] as string, 0] } }
}

/** The first input, and its axis, whose size is the symbol. */
function axisOf(graph: Graph, symbol: string): readonly [string, number] | undefined {
  for (const name of graph.inputs) {
    const axis = getValue(graph, name).shape.indexOf(symbol)
    if (axis >= 0) return [name, axis]
  }
  return undefined
}
