// What the examples print: a progress bar on terminals, tables everywhere.

import { confusionCounts, confusionMatrix } from '@cola/data'
import type { EpochLog, Metrics, StepLog } from '@cola/train'

/** Redraws one line with a bar, the loss and the speed; prints nothing when the output is not a terminal. */
export function progressBar({ step, total_steps, loss, tokens_per_second }: StepLog): void {
  if (!process.stdout.isTTY) return
  const done = Math.round((24 * step) / total_steps)
  process.stdout.write(
    `\r[${'='.repeat(done)}${' '.repeat(24 - done)}] ${step}/${total_steps}  loss ${loss.toFixed(4)}  ${tokens_per_second.toFixed(0)} tokens/s   ${step === total_steps ? '\n' : ''}`,
  )
}

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

/** One line an epoch: losses, accuracies and MCC; a star for the best so far. */
export function epochLine({ epoch, train_loss, eval_loss, train_metrics, eval_metrics, best }: EpochLog): void {
  console.log(
    `epoch ${String(epoch).padStart(2)}  train loss ${train_loss.toFixed(4)} accuracy ${percent(train_metrics.accuracy)}  validation loss ${eval_loss.toFixed(4)} accuracy ${percent(eval_metrics.accuracy)} MCC ${decimal(eval_metrics.mcc)}${best ? '  *' : ''}`,
  )
}

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

/** Prints each message once. */
export function warnOnce(): (message: string) => void {
  const said = new Set<string>()
  return (message) => {
    if (!said.has(message)) console.log(`warning: ${message}`)
    said.add(message)
  }
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
