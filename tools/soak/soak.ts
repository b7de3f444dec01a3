// Long use of the same process: what is held must come back to where it was.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Device, TrainingSession } from '@cola/train'
import { smallGpt2 } from '../small-models.ts'

/** What a process holds. */
interface Held {
  /** MiB of JavaScript's heap and buffers, after garbage collection. */
  heap: number
  /** MiB of the whole process. */
  rss: number
  /** Open files; 0 where the system has no /proc. */
  files: number
  /** Timers, sockets, workers and others that keep a process alive. */
  handles: number
  /** Files and folders in the temporary folder, which is this process's own. */
  temporary: number
}

setFlagsFromString('--expose-gc')
const temporary = mkdtempSync(join(tmpdir(), 'cola-soak-'))
process.env.TMPDIR = temporary
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }))
const collect = runInNewContext('gc') as () => void

const entries = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

async function held(): Promise<Held> {
  // Finalizers of the runtime's tensors run in later turns of the event loop.
  for (let i = 0; i < 3; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return {
    heap: (heapUsed + arrayBuffers) / 2 ** 20,
    rss: rss / 2 ** 20,
    files: entries('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
    temporary: entries(temporary).length,
  }
}

/** Held before and after. */
export interface Soaked {
  before: Held
  after: Held
}

async function measured(warmUp: number, times: number, work: () => Promise<void>): Promise<Soaked> {
  for (let i = 0; i < warmUp; i++) await work()
  const before = await held()
  for (let i = 0; i < times; i++) await work()
  return { before, after: await held() }
}

/** Training, evaluation and optimizer steps of one session. The first tenth is not measured. */
export async function soakSteps(steps: number, device: Device = 'cpu'): Promise<Soaked> {
  const { artifacts, batch } = smallGpt2()
  const session = await TrainingSession.create({ artifacts, device })
  const soaked = await measured(Math.ceil(steps / 10), steps, async () => {
    session.lazyResetGrad()
    await session.runTrainStep(batch)
    await session.runOptimizerStep({ learningRate: 1e-4 })
    await session.runEvalStep(batch)
  })
  await session.release()
  return soaked
}

/** Sessions that are opened, used once and released. The first tenth is not measured. */
export function soakSessions(sessions: number): Promise<Soaked> {
  const { artifacts, batch } = smallGpt2()
  return measured(Math.ceil(sessions / 10), sessions, async () => {
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    await session.runTrainStep(batch)
    await session.release()
  })
}

/** What has grown beyond what an allocator may keep, in words. */
export function grown({ before, after }: Soaked): string[] {
  const room: Held = { heap: 8, rss: 96, files: 0, handles: 0, temporary: 0 }
  return Object.entries(room).flatMap(([name, most]) => {
    const [from, to] = [before[name as keyof Held], after[name as keyof Held]]
    return to - from > most ? [`${name}: from ${from.toFixed(1)} to ${to.toFixed(1)}`] : []
  })
}
