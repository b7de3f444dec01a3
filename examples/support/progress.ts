// What the examples print: a progress bar on terminals, tables everywhere.

import type { EpochLog, StepLog } from '@cola/train'

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
  for (const row of cells) console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  '))
}

export const percent = (share: number | undefined): string => `${(100 * (share ?? Number.NaN)).toFixed(2)}%`

/** One line an epoch: losses, accuracies and MCC; a star for the best so far. */
export function epochLine({ epoch, train_loss, eval_loss, train_metrics, eval_metrics, best }: EpochLog): void {
  console.log(
    `epoch ${String(epoch).padStart(2)}  train loss ${train_loss.toFixed(4)} accuracy ${percent(train_metrics.accuracy)}  validation loss ${eval_loss.toFixed(4)} accuracy ${percent(eval_metrics.accuracy)} MCC ${eval_metrics.mcc?.toFixed(3)}${best ? '  *' : ''}`,
  )
}
