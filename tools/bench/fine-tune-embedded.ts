// Fine-tunes the embedded model as the page of examples/browser does by default, and times it. It runs in Node and in a
// browser.

import { generateSentences, type Source } from '@cola/data'
import { fineTune } from '@cola/lora'
import type { FrozenProducts } from '@cola/train'

/** Files of the embedded model. */
export const modelFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'] as const

/** What is trained. */
export interface Work {
  rows: number
  epochs: number
  /** How products with frozen matrices are computed while training. */
  frozenProducts: FrozenProducts
}

export interface Timed {
  /** The whole call, in seconds: sessions are opened, epochs are trained and scored. */
  seconds: number
  /** Median of a training step, in milliseconds. */
  step: number
  /** Loss of the last epoch. */
  loss: number
}

export async function timeFineTune(model: Source, { rows, epochs, frozenProducts }: Work): Promise<Timed> {
  const examples = generateSentences({ seed: 1, count: rows }).map(({ text, label }) => ({
    text,
    label: label ? 'right' : 'wrong',
  }))
  const steps: number[] = []
  let last = 0
  const started = performance.now()
  const tuned = await fineTune(model, {
    train: examples,
    validation: 0.2,
    lora: { r: 8, lora_alpha: 16, target_modules: 'all-linear' },
    epochs,
    learning_rate: 0.003,
    batch_size: 16,
    seed: 42,
    frozenProducts,
    callbacks: {
      onEpoch: () => {
        last = 0
      },
      onStep: () => {
        const now = performance.now()
        // The first step of an epoch has the scores of the one before it in it.
        if (last > 0) steps.push(now - last)
        last = now
      },
    },
  })
  const seconds = (performance.now() - started) / 1000
  const loss = tuned.training?.history.at(-1)?.train_loss ?? Number.NaN
  await tuned.release()
  steps.sort((a, b) => a - b)
  return { seconds, step: steps[Math.floor(steps.length / 2)] as number, loss }
}
