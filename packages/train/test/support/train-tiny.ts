// A training of the tiny model, for tests of what disturbs it.

import { toFloat32 } from '@cola/graph'
import {
  adamw,
  type Device,
  type TrainableSession,
  Trainer,
  type TrainerOptions,
  TrainingSession,
} from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

export interface Run {
  losses: number[]
  weights: number[]
  warnings: string[]
}

type Options = Partial<TrainerOptions<Row>>

/** The artifacts of the runs, with dropout. */
export const tinyArtifacts = () => artifactsOf(adamw(), { dropout: 0.2 })

/** Trains two epochs of four steps. @param options Others than those of the run. */
export async function trainTiny(device: Device, options: Options): Promise<Run> {
  const warnings: string[] = []
  const onWarning = (message: string) => void warnings.push(message)
  const session = await TrainingSession.create({ artifacts: tinyArtifacts(), device, onWarning })
  return trainWith(session, warnings, options)
}

/** The same with a session, which is released. @param warnings Those that it gave, and gives. */
export async function trainWith(session: TrainableSession, warnings: string[], options: Options): Promise<Run> {
  try {
    const trainer = new Trainer<Row>({
      session,
      data: { train: rows(32), collate },
      epochs: 2,
      batch_size: 8,
      learning_rate: 0.01,
      ...options,
      callbacks: { onWarning: ({ message }) => void warnings.push(message), ...options.callbacks },
    })
    const { losses } = await trainer.train()
    const weights = [...(await session.getParameters()).values()].flatMap((tensor) => [...toFloat32(tensor)])
    return { losses, weights, warnings }
  } finally {
    await session.release()
  }
}
