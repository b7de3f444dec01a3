// Trains in this thread and in a worker, and prints whether the results are equal, and what errors look like.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import workers from 'node:worker_threads'
import { folderFiles } from '@cola/data'
import {
  adamw,
  createTrainingWorker,
  saveArtifacts,
  type TrainableSession,
  Trainer,
  TrainingSession,
  type WorkerOptions,
} from '@cola/train'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

/** The threads that were started. */
const threads: workers.Worker[] = []
workers.Worker = class extends workers.Worker {
  constructor(...script: ConstructorParameters<typeof workers.Worker>) {
    super(...script)
    threads.push(this)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'cola-worker-'))
const artifacts = artifactsOf(adamw(), { dropout: 0.2 })
saveArtifacts(folder, artifacts)
const batch = collate(rows(16))

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

/** Class and message of the error, sync or not, that a call throws. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'none'
  } catch (error) {
    return `${(error as Error).constructor.name}: ${(error as Error).message}`
  }
}

const start = (options: Partial<WorkerOptions>) => createTrainingWorker({ folder, device: 'cpu', seed: 3, ...options })

const here = await TrainingSession.create({ artifacts, device: 'cpu', seed: 3 })
const there = await start({})
const expected = await train(here)
const equal: Record<string, boolean> = { folder: expected === (await train(there)) }
const bytes = new Map(
  folderFiles(folder)
    .names()
    .map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
)
for (const [name, source] of Object.entries({ files: folderFiles(folder), bytes, artifacts })) {
  const worker = await start({ folder: source })
  equal[name] = expected === (await train(worker))
  await worker.release()
}

const refused: Record<string, string> = {
  missing: await refusal(() => there.runTrainStep({})),
  unclonable: await refusal(() => there.runTrainStep({ ...batch, x: { data: () => 1, dims: [1] } as never })),
}
there.lazyResetGrad()
const running = there.runTrainStep(batch)
refused.busy = await refusal(() => there.runTrainStep(batch))
refused.queuedWhileBusy = await refusal(() => there.lazyResetGrad())
await running
there.setState({ tensors: new Map(), step: 0 })
refused.queued = await refusal(() => there.getParameters())
const released = [there.release(), there.release()]
refused.released = await refusal(() => there.runEvalStep(batch))
refused.queuedReleased = await refusal(() => there.seekDropout(1))
await Promise.all(released)
refused.afterRelease = await refusal(() => there.getState())
refused.noFolder = await refusal(() => start({ folder: join(folder, 'nowhere') }))
refused.noFiles = await refusal(() => start({ folder: new Map() }))
refused.otherFiles = await refusal(() => start({ folder: { checkpoint: new Uint8Array(64) } }))
refused.device = await refusal(() => start({ device: 'gpu' as never }))
refused.seed = await refusal(() => start({ seed: 0.5 }))
refused.option = await refusal(() => start({ sead: 1 } as never))
const failed = await start({})
threads.at(-1)?.emit('messageerror', new Error('a copy of another version'))
// Nobody releases it: this process ends, because the thread was.
refused.unreadable = await refusal(() => failed.getState())
const killed = await start({})
const waiting = refusal(() => killed.runTrainStep(batch))
await threads.at(-1)?.terminate()
refused.killed = await waiting
refused.afterKilled = await refusal(() => killed.runEvalStep(batch))
await here.release()
rmSync(folder, { recursive: true })
console.log(JSON.stringify({ equal, refused, removed: !existsSync(folder) }))
