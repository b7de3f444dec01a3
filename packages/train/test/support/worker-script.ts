// Trains in this thread and in a worker, and prints whether the results are equal, what errors look like, and how long
// the event loop stood still.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  adamw,
  createTrainingWorker,
  FeedError,
  saveArtifacts,
  type TrainableSession,
  Trainer,
  TrainingSession,
} from '@cola/train'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-worker-'))
const artifacts = artifactsOf(adamw(), { dropout: 0.2 })
saveArtifacts(folder, artifacts)

async function train(session: TrainableSession) {
  const trainer = new Trainer<Row>({
    session,
    data: { train: rows(70), evaluation: rows(16, 2), collate },
    epochs: 2,
    batch_size: 16,
    gradient_accumulation_steps: 2,
    learning_rate: 0.01,
  })
  const { losses } = await trainer.train()
  const parameters = [...(await session.getParameters()).values()].map(({ bytes }) =>
    Buffer.from(bytes()).toString('base64'),
  )
  return JSON.stringify([losses, parameters])
}

const here = await TrainingSession.create({ artifacts, device: 'cpu', seed: 3 })
const there = await createTrainingWorker({ folder, device: 'cpu', seed: 3 })
const equal = (await train(here)) === (await train(there))
const error = await there.runTrainStep({}).catch((reason: unknown) => reason)
const missing = await createTrainingWorker({ folder: join(folder, 'nowhere') }).catch((reason: Error) => reason.name)
await here.release()
await there.release()
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ equal, typed: error instanceof FeedError, message: (error as Error).message, missing }))
