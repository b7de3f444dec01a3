// What each term of a loss is a mean over in a batch: its rows, its labels, or the sum of the labels' class weights.

import { requireKind } from '@cola/graph/door'
import { show } from '@cola/graph/options'
import { ignoreIndex } from '@cola/data'
import { elementCount, evaluateDim } from '@cola/graph'
import type { LabelTerm, LossTerm, RowTerm } from '../artifacts/loss-terms.ts'
import { isClass, refuseLabel } from '../check-labels.ts'
import { FeedError } from '../errors.ts'
import { type Batch, type BatchArray, requireArray } from './feeds.ts'

/**
 * The count of each term of a loss in a batch, by which its mean divides: rows, labels, or the sum of their weights.
 * @throws {FeedError} naming the row of a label that is neither a class nor -100, or a missing input.
 */
export const lossCounts = (terms: readonly LossTerm[], batch: Batch): number[] => {
  requireKind('lossCounts, terms', terms, 'list')
  return terms.map((term) => ('labels' in term ? labelCount(term, batch) : rowCount(term, batch)))
}

/** The sums of {@link lossCounts} over several batches. */
export const addCounts = (counts: readonly (readonly number[])[]): number[] => {
  requireKind('addCounts, counts', counts, 'list')
  return (counts[0] ?? []).map((_, term) => counts.reduce((sum, batch) => sum + (batch[term] as number), 0))
}

/** Number of classes of the labels that a loss reads; undefined if it reads none. */
export const classesOf = (terms: readonly LossTerm[]): number | undefined => {
  requireKind('classesOf, terms', terms, 'list')
  return terms.flatMap((term) => ('labels' in term ? [term.classes] : []))[0]
}

function rowCount({ rows, symbols }: RowTerm, batch: Batch): number {
  const sizes = Object.entries(symbols).map(
    ([symbol, [input, axis]]) => [symbol, inputOf(batch, input).dims[axis] as number] as const,
  )
  return evaluateDim(rows, new Map(sizes)) as number
}

function labelCount({ labels, classes, weight }: LabelTerm, batch: Batch): number {
  const { data, dims } = inputOf(batch, labels)
  let total = 0
  for (let i = 0; i < data.length; i++) {
    const label = Number(data[i])
    if (label === ignoreIndex) continue
    if (!isClass(label, classes)) refuseLabel(`input "${labels}", ${placeOf(i, dims)}`, label, classes)
    total += weight ? (weight[label] as number) : 1
  }
  return total
}

function inputOf(batch: Batch, name: string): BatchArray {
  const array = batch?.[name]
  if (!array)
    throw new FeedError({
      where: `input "${name}"`,
      what: 'missing from the batch',
      found: Object.keys(batch ?? {}).join(', ') || show(batch),
    })
  requireArray(name, array)
  return array
}

/** Row of an element, and its position if rows have several elements; both count from 1. */
function placeOf(i: number, [, ...inner]: readonly number[]): string {
  const width = elementCount(inner)
  return width === 1
    ? `row ${i + 1} of the batch`
    : `row ${Math.floor(i / width) + 1} of the batch, position ${(i % width) + 1}`
}
