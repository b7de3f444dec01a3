// What the examples print: tables, scores, confusion matrices.

import { confusionCounts, confusionMatrix } from '@cola/data'
import type { EpochLog, Metrics } from '@cola/train'

/** Prints rows under a header, columns aligned. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = [header, ...rows.map((row) => row.map(String))]
  const widths = header.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)))
  for (const row of cells)
    console.log(
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  '),
    )
}

export const percent = (share: number | undefined): string => `${(100 * (share ?? Number.NaN)).toFixed(2)}%`

/** A score to three places; a dash where there is none. */
export const decimal = (score: number | undefined): string => score?.toFixed(3) ?? '-'

/** A matrix of more classes than this is wider than a terminal. */
const widest = 12

/** Prints a confusion matrix; of many classes, the pairs that are taken for each other most. */
export function confusionTable(
  predictions: readonly number[],
  labels: readonly number[],
  classes: readonly string[],
): void {
  if (classes.length <= widest) {
    console.log('\nconfusion matrix, validation (rows: true, columns: predicted)')
    table(
      ['', ...classes],
      confusionMatrix(predictions, labels, classes.length).map((counts, i) => [classes[i] as string, ...counts]),
    )
    return
  }
  console.log('\nclasses taken for another most, validation')
  table(
    ['true', 'predicted', 'rows'],
    confusionCounts(predictions, labels, classes.length)
      .filter(({ label, predicted }) => label !== predicted)
      .slice(0, widest)
      .map(({ label, predicted, count }) => [classes[label] as string, classes[predicted] as string, count]),
  )
}

export interface SplitScore {
  predictions: readonly unknown[]
  loss: number
  metrics: Metrics
}

/** A run as one line of JSON, for other programs. */
export function summary(
  classes: readonly string[],
  history: readonly EpochLog[],
  best: number | undefined,
  scores: Record<string, SplitScore>,
): string {
  const splits = Object.entries(scores).map(([name, { predictions, loss, metrics }]) => {
    const { accuracy, mcc, f1_macro } = metrics
    return [name, { rows: predictions.length, accuracy, mcc, f1_macro, loss }]
  })
  return JSON.stringify({ classes, epochs: history.length, best_epoch: best, splits: Object.fromEntries(splits) })
}
