import { expect, it } from 'vitest'
import { consoleProgress } from '../../src/index.ts'

const step = {
  event: 'step',
  step: 6,
  epoch: 1,
  total_steps: 12,
  loss: 0.25,
  learning_rate: 1,
  tokens: 10,
  tokens_per_second: 99.6,
} as const

const epoch = {
  event: 'epoch',
  epoch: 2,
  step: 12,
  train_loss: 0.5,
  train_metrics: {},
  eval_loss: 0.25,
  eval_metrics: { accuracy: 0.875, mcc: 0.75 },
  best: true,
} as const

it('draws a bar on terminals, and prints a line per epoch and warnings', () => {
  const [printed, drawn]: [string[], string[]] = [[], []]
  const callbacks = consoleProgress({ print: (line) => printed.push(line), redraw: (line) => drawn.push(line) })
  callbacks.onStep?.(step)
  callbacks.onEpoch?.(epoch)
  callbacks.onWarning?.({ event: 'warning', step: 12, message: 'look' })
  expect(drawn).toEqual([`[${'='.repeat(12)}${' '.repeat(12)}] 6/12  loss 0.2500  100 tokens/s`, ''])
  expect(printed).toEqual([
    'epoch 2  train loss 0.5000  eval loss 0.2500  accuracy 0.8750  mcc 0.7500  *',
    'warning: look',
  ])
})

it('draws no bar without a terminal', () => {
  const printed: string[] = []
  const callbacks = consoleProgress({ print: (line) => printed.push(line), redraw: undefined })
  callbacks.onStep?.(step)
  expect(printed).toEqual([])
})

it('prints no evaluation loss and no star where no rows are evaluated', () => {
  const printed: string[] = []
  const callbacks = consoleProgress({ print: (line) => printed.push(line), redraw: undefined })
  const { eval_loss: _, ...trained } = epoch
  callbacks.onEpoch?.({ ...trained, eval_metrics: {} })
  expect(printed).toEqual(['epoch 2  train loss 0.5000'])
})
