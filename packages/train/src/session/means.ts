// Means of batches put together: what each term of a loss is a mean over in a batch, how much a batch counts in the
// gradient of several, and the mean over all of them. Batches of unequal size give exactly what one large batch would.

import { evaluateDim } from '@cola/graph'
import { ignoreIndex, type LabelTerm, type LossTerm, type RowTerm } from '../artifacts/terms.ts'
import { FeedError } from '../errors.ts'
import type { Batch, BatchArray } from './feeds.ts'

/** A term of a loss in a batch: its mean, and what that is a mean over. */
export interface TermMean {
  readonly mean: number
  readonly count: number
}

/** A term of a loss over several batches. */
export interface TermSum {
  readonly sum: number
  readonly count: number
}

/**
 * What each term of a loss is a mean over in a batch: rows, labels, or the sum of their weights.
 * @throws {FeedError} naming the row of a label that is no class and not -100, and a missing input.
 */
export const lossCounts = (terms: readonly LossTerm[], batch: Batch): number[] =>
  terms.map((term) => ('labels' in term ? labelCount(term, batch) : rowCount(term, batch)))

/** The sums of {@link lossCounts} over several batches. */
export const addCounts = (counts: readonly (readonly number[])[]): number[] =>
  (counts[0] ?? []).map((_, term) => counts.reduce((sum, batch) => sum + (batch[term] as number), 0))

/**
 * What a sum is divided by: where nothing was counted the sum is 0, and any divisor will do. The graphs do the same.
 */
const divisor = (count: number): number => (count > 0 ? count : 1)

/** Sums with a batch's means added. */
export const addMeans = (sums: readonly TermSum[], terms: readonly TermMean[]): TermSum[] =>
  terms.map(({ mean, count }, i) => ({
    sum: (sums[i]?.sum ?? 0) + mean * divisor(count),
    count: (sums[i]?.count ?? 0) + count,
  }))

/** The loss over all batches of sums; NaN for none. */
export const meanOf = (sums: readonly TermSum[]): number =>
  sums.length === 0 ? Number.NaN : sums.reduce((loss, { sum, count }) => loss + sum / divisor(count), 0)

/** Gradients accumulated so far. */
export interface Accumulation {
  readonly batches: number
  /** What the first batch is a mean over, and what all are; 1 and 1 where the whole window was known ahead. */
  readonly first: number
  readonly total: number
  readonly known: boolean
}

export const noAccumulation: Accumulation = { batches: 0, first: 1, total: 1, known: false }

/**
 * How much each term of a batch's loss counts in the accumulated gradient, and the accumulation with it.
 * With the counts of the whole window, each term counts by its part of them. Without, all terms count by the greatest
 * count, in units of the first batch's: exact for losses of one term.
 * @throws {FeedError} for counts that are not one a term, or that only some batches of a window come with.
 */
export function accumulate(
  before: Accumulation,
  counts: readonly number[],
  window?: readonly number[],
): { shares: number[]; after: Accumulation } {
  const known = window !== undefined
  if (before.batches > 0 && before.known !== known)
    throw new FeedError({
      where: 'runTrainStep, option window',
      what: 'given for some batches of an accumulation only',
      expected: 'all or none',
    })
  if (window) {
    checkWindow(counts, window)
    return {
      shares: counts.map((count, i) => divisor(count) / divisor(window[i] as number)),
      after: { batches: before.batches + 1, first: 1, total: 1, known },
    }
  }
  const count = counts.reduce((a, b) => Math.max(a, b), 0)
  const first = before.batches === 0 ? divisor(count) : before.first
  const total = (before.batches === 0 ? 0 : before.total) + count
  return {
    shares: counts.map(() => divisor(count) / first),
    after: { batches: before.batches + 1, first, total, known },
  }
}

/** What turns accumulated gradients into those of the mean over all batches. */
export const gradientScale = ({ first, total }: Accumulation): number => first / divisor(total)

function checkWindow(counts: readonly number[], window: readonly number[]): void {
  if (
    window.length === counts.length &&
    window.every((count, i) => count >= (counts[i] as number) && Number.isFinite(count))
  )
    return
  throw new FeedError({
    where: 'runTrainStep, option window',
    what: 'not the counts of an accumulation that holds this batch',
    expected: `[${counts}] or more`,
    found: `[${window}]`,
  })
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
  const array = batch[name]
  if (!array)
    throw new FeedError({
      where: `input "${name}"`,
      what: 'missing from the batch',
      found: Object.keys(batch).join(', ') || 'an empty batch',
    })
  return array
}

/** Row of an element, and its place in the row where rows have several; both from 1. */
function placeOf(i: number, [, ...inner]: readonly number[]): string {
  const width = inner.reduce((a, b) => a * b, 1)
  return width === 1
    ? `row ${i + 1} of the batch`
    : `row ${Math.floor(i / width) + 1} of the batch, position ${(i % width) + 1}`
}

/** Number of classes of the labels that a loss reads; undefined where it reads none. */
export const classesOf = (terms: readonly LossTerm[]): number | undefined =>
  terms.flatMap((term) => ('labels' in term ? [term.classes] : []))[0]

/**
 * Labels, one a row: each a class, or -100 for a row without one.
 * @param classes Number of classes; undefined where it is not known.
 * @throws {FeedError} naming the first row of another label.
 */
export function checkLabels(where: string, labels: ArrayLike<number>, classes?: number): void {
  const at = Array.from(labels).findIndex((label) => label !== ignoreIndex && !isClass(label, classes))
  if (at >= 0) refuseLabel(`${where}, row ${at + 1}`, labels[at], classes)
}

const isClass = (label: unknown, classes = Number.POSITIVE_INFINITY): boolean =>
  Number.isInteger(label) && (label as number) >= 0 && (label as number) < classes

function refuseLabel(where: string, found: unknown, classes: number | undefined): never {
  throw new FeedError({
    where,
    what: 'the label is not a class of the model',
    expected: `${classes === undefined ? 'a whole number from 0' : `0 to ${classes - 1}`}, or ${ignoreIndex} for none`,
    found: String(found),
  })
}
