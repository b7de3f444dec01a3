// A loss as the sum of its terms, each a mean over a number that follows from the batch alone (the rows, the labelled
// tokens). With these numbers, means of several batches can be put together as that of one large batch, as transformers
// does with num_items_in_batch.

import {
  build,
  type Dim,
  dimSymbols,
  type Graph,
  getValue,
  GraphError,
  type Loss,
  type MeanOver,
  type Value,
} from '@cola/graph'

/** A label that no loss counts; torch.nn.CrossEntropyLoss's ignore_index. */
export const ignoreIndex = -100

/** What a term of a loss is a mean over, in a form that can be stored. */
export type LossTerm = LabelTerm | RowTerm

/** Mean over the labels of an input that are not -100, by the weight of their class. */
export interface LabelTerm {
  /** Name of the input. */
  readonly labels: string
  /** Number of classes. */
  readonly classes: number
  readonly weight?: readonly number[]
}

/** Mean over rows. */
export interface RowTerm {
  /** Number of rows, in symbols. */
  readonly rows: Dim
  /** Input and axis from which each symbol is read. */
  readonly symbols: Readonly<Record<string, readonly [input: string, axis: number]>>
}

/** A loss in a graph: its scalar, and the means of which it is the sum, with what each is a mean over. */
export interface AddedLoss {
  readonly loss: Value
  readonly means: readonly Value[]
  readonly terms: readonly LossTerm[]
}

/**
 * Adds a loss to a graph; terms that are means over the same are one.
 * @throws {GraphError} when the number of classes is not known.
 */
export function addLoss(graph: Graph, loss: Loss): AddedLoss {
  const g = build(graph)
  const sum = (values: readonly Value[]) => values.reduce((a, b) => g.Add(a, b))
  const output = graph.outputs[0]
  const groups = new Map<string, { term: LossTerm; values: Value[] }>()
  for (const one of termsOf(loss)) {
    const value = one(graph)
    const term = termOf(graph, one.meanOver ?? { rows: output ?? value.name })
    const key = JSON.stringify(term)
    const group = groups.get(key) ?? { term, values: [] }
    group.values.push(value)
    groups.set(key, group)
  }
  const means = [...groups.values()].map(({ values }) => sum(values))
  return { loss: sum(means), means, terms: [...groups.values()].map(({ term }) => term) }
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

/** Rows by the symbols that inputs bind; those of the first input, where a symbol is no input's. */
function rowTerm(graph: Graph, rows: Dim): RowTerm {
  const places = dimSymbols(rows).map((symbol) => [symbol, placeOf(graph, symbol)] as const)
  if (places.every(([, place]) => place)) return { rows, symbols: Object.fromEntries(places) as RowTerm['symbols'] }
  return { rows: 'batch', symbols: { batch: [graph.inputs[0] as string, 0] } }
}

function placeOf(graph: Graph, symbol: string): readonly [string, number] | undefined {
  for (const name of graph.inputs) {
    const axis = getValue(graph, name).shape.indexOf(symbol)
    if (axis >= 0) return [name, axis]
  }
  return undefined
}
