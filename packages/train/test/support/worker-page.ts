// Runs in the browser: trains the tiny model in a training worker.

import * as data from '@cola/data'
import * as graph from '@cola/graph'
import { AdapterError } from '../../../lora/src/errors.ts'
import * as train from '../../src/index.ts'
import {
  adamw,
  configureRuntime,
  createTrainingWorker,
  plainError,
  Trainer,
  type TrainResult,
  TrainingSession,
} from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

export interface PageRun {
  losses: TrainResult['losses']
  warnings: string[]
  refused: Record<string, string>
}

/** Trains `epochs` of `count` rows. */
export async function trainInWorker(numThreads: number | undefined, count: number, epochs: number): Promise<PageRun> {
  if (numThreads !== undefined) configureRuntime({ numThreads })
  const warnings: string[] = []
  const open = () =>
    createTrainingWorker({
      folder: artifactsOf(adamw(), { dropout: 0.2, width: 512 }),
      device: 'wasm',
      seed: 3,
      onWarning: (message) => warnings.push(message),
    })
  const session = await open()
  const training = rows(count)
  const { losses } = await new Trainer<Row>({
    session,
    data: { train: training, collate },
    epochs,
    batch_size: 128,
    learning_rate: 0.01,
  }).train()
  const batch = collate(rows(4))
  session.lazyResetGrad()
  const running = session.runTrainStep(batch)
  const refused = {
    busy: await refusal(() => session.runTrainStep(batch)),
    unclonable: await running.then(() =>
      refusal(() => session.runTrainStep({ x: { data: () => 1, dims: [1] } as never })),
    ),
    missing: await refusal(() => session.runEvalStep({})),
    released: await session.release().then(() => refusal(() => session.runTrainStep(batch))),
  }
  return { losses, warnings, refused }
}

/** What two workers, and a session of the page itself, say of the runtime. */
export async function warningsOfThree(): Promise<string[]> {
  const warnings: string[] = []
  const options = { device: 'wasm', onWarning: (message: string) => warnings.push(message) } as const
  const open = () => createTrainingWorker({ folder: artifactsOf(adamw()), ...options })
  const sessions = [
    ...(await Promise.all([open(), open()])),
    await TrainingSession.create({ artifacts: artifactsOf(adamw()), ...options }),
  ]
  for (const session of sessions) await session.release()
  return warnings
}

/** The loss of a batch in a worker that is given the address of artifacts, and in one that is given themselves. */
export async function evaluateFrom(folder: string): Promise<number[]> {
  const losses: number[] = []
  for (const from of [folder, artifactsOf(adamw())]) {
    const session = await createTrainingWorker({ folder: from, device: 'wasm' })
    losses.push((await session.runEvalStep(collate(rows(16)))).loss)
    await session.release()
  }
  return losses
}

/** The error of a worker that cannot start. */
export const startRefused = (wasmPaths?: string): Promise<string> => {
  if (wasmPaths !== undefined) configureRuntime({ wasmPaths })
  return refusal(() => createTrainingWorker({ folder: artifactsOf(adamw()), device: 'wasm' }))
}

async function refusal(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'none'
  } catch (error) {
    const { name, message } = plainError(error)
    return `${name}: ${message}`
  }
}

/** Error classes that do not have the name under which they are exported. */
export const misnamed = (): string[] =>
  Object.entries({ ...data, ...graph, ...train, AdapterError })
    .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error)
    .map(([name, value]) => [name, new (value as typeof AdapterError)({ where: '', what: '' }).name])
    .filter(([name, found]) => name !== found)
    .map(([name, found]) => `${name}: ${found}`)

Object.assign(globalThis, { warningsOfThree, trainInWorker, evaluateFrom, startRefused, misnamed })
