// Callbacks that show a run's progress in the console. An app passes them to a run; the library itself never prints.

import { callable, type Checks, checkOptions } from '@cola/graph/options'
import type { Callbacks, EpochLog, StepLog } from './callbacks.ts'

/** Options of {@link consoleProgress}. */
export interface ConsoleProgressOptions {
  /** Prints a line. @default console.log */
  print?: (line: string) => void
  /** Redraws the last line of a terminal. @default process.stdout if it is a terminal, else no progress bar */
  redraw?: ((line: string) => void) | undefined
}

const checks: Checks<ConsoleProgressOptions> = { print: callable, redraw: callable }

const barWidth = 24

/** Overwrites the terminal's last line; undefined if there is no terminal. */
function terminalRedraw(): ((line: string) => void) | undefined {
  const { stdout } =
    (globalThis as { process?: { stdout?: { isTTY?: boolean; write: (text: string) => void } } }).process ?? {}
  return stdout?.isTTY ? (line) => stdout.write(`\r\u001b[2K${line}`) : undefined
}

function bar({ step, total_steps, loss, tokens_per_second }: StepLog): string {
  const filled = Math.round((barWidth * step) / total_steps)
  const progress = `[${'='.repeat(filled)}${' '.repeat(barWidth - filled)}]`
  const speed = tokens_per_second > 0 ? `  ${tokens_per_second.toFixed(0)} tokens/s` : ''
  return `${progress} ${step}/${total_steps}  loss ${loss.toFixed(4)}${speed}`
}

/**
 * `epoch 2  train loss 0.3120  eval loss 0.2871  accuracy 0.9412  mcc 0.8810  *`; a star marks the best epoch so far.
 */
function epochLine({ epoch, train_loss, eval_loss, eval_metrics, best }: EpochLog): string {
  const scores = Object.entries(eval_metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`)
  const evaluated = eval_loss !== undefined
  const losses = [`train loss ${train_loss.toFixed(4)}`, ...(evaluated ? [`eval loss ${eval_loss.toFixed(4)}`] : [])]
  return [`epoch ${epoch}`, ...losses, ...scores, ...(evaluated && best ? ['*'] : [])].join('  ')
}

/**
 * Callbacks that show a run in the console: a progress bar on terminals, one line per epoch, and warnings.
 * Pass them to `fineTune`, `distill` or a `Trainer` as `callbacks`.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function consoleProgress(options: ConsoleProgressOptions = {}): Callbacks {
  checkOptions('consoleProgress', options, checks)
  const { print = console.log, redraw = terminalRedraw() } = options
  return {
    onStep: (log) => redraw?.(bar(log)),
    onEpoch: (log) => {
      redraw?.('')
      print(epochLine(log))
    },
    onWarning: ({ message }) => print(`warning: ${message}`),
  }
}
