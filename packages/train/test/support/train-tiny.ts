// A training of the tiny model, for tests of what disturbs it.

import { adamw, type Device, Trainer, type TrainerOptions, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

export interface Run {
  losses: number[]
  weights: number[]
  warnings: string[]
}

/** Trains two epochs of four steps. @param options Others than those of the run. */
export async function trainTiny(device: Device, options: Partial<TrainerOptions<Row>>): Promise<Run> {
  const warnings: string[] = []
  const onWarning = (message: string) => void warnings.push(message)
  const session = await TrainingSession.create({ artifacts: artifactsOf(adamw(), { dropout: 0.2 }), device, onWarning })
  try {
    const trainer = new Trainer<Row>({
      session,
      data: { train: rows(32), collate },
      epochs: 2,
      batch_size: 8,
      learning_rate: 0.01,
      ...options,
      callbacks: { onWarning: ({ message }) => onWarning(message), ...options.callbacks },
    })
    const { losses } = await trainer.train()
    return { losses, weights: [...(await session.getContiguousParameters())], warnings }
  } finally {
    await session.release()
  }
}
