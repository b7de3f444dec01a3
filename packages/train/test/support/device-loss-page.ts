// Runs in the browser: trains the tiny model on WebGPU, and has the test end the GPU's process between steps.

import { memorySink } from '@cola/data'
import { adamw, Trainer, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

/** The test's function: ends the GPU's process. */
declare const crashGpu: () => Promise<void>

export interface Disturbed {
  /** The step after which the GPU's process ends, before its checkpoint. @default none */
  crashAt?: number
  /** @default no checkpoints */
  save_steps?: number
}

export interface Run {
  losses: number[]
  weights: number[]
  warnings: string[]
}

async function train({ crashAt, save_steps }: Disturbed): Promise<Run> {
  const session = await TrainingSession.create({ artifacts: artifactsOf(adamw(), { dropout: 0.2 }), device: 'webgpu' })
  const warnings: string[] = []
  let crashed = false
  try {
    const trainer = new Trainer<Row>({
      session,
      data: { train: rows(32), collate },
      epochs: 2,
      batch_size: 8,
      learning_rate: 0.01,
      ...(save_steps ? { output_dir: memorySink('run'), save_steps } : {}),
      callbacks: {
        onWarning: ({ message }) => void warnings.push(message),
        onStep: async ({ step }) => {
          if (step !== crashAt || crashed) return
          crashed = true
          await crashGpu()
        },
      },
    })
    const { losses } = await trainer.train()
    return { losses, weights: [...(await session.getContiguousParameters())], warnings }
  } finally {
    await session.release()
  }
}

Object.assign(globalThis, { train, loaded: true })
