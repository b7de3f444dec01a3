// Runs in the browser: trains the tiny model on WebGPU, and has the test end the GPU's process between steps.

import { type MemorySink, memorySink } from '@cola/data'
import { type Device, resolveDevice } from '../../src/index.ts'
import { probeGraph } from '../../src/runtime/probe-graph.ts'
import { measureByFastClock } from './fast-clock.ts'
import { type Run, trainTiny } from './train-tiny.ts'

/** The test's function: ends the GPU's process. */
declare const crashGpu: () => Promise<void>

export interface Disturbed {
  /** @default 'webgpu' */
  device?: Device
  /** The steps after which the GPU's process ends, before their checkpoints. @default none */
  crashAt?: readonly number[]
  /** @default no checkpoints */
  save_steps?: number
  /** Goes on from the checkpoint of the run before, which this page keeps. @default false */
  resume?: boolean
}

let kept: MemorySink = memorySink('run')

async function train({ crashAt = [], device = 'webgpu', save_steps, resume = false }: Disturbed): Promise<Run> {
  if (device === 'auto') await measureByFastClock(() => resolveDevice('auto', probeGraph()))
  if (!resume) kept = memorySink('run')
  const left = [...crashAt]
  return trainTiny(device, {
    ...(save_steps ? { output_dir: kept, save_steps, resume } : {}),
    callbacks: {
      onStep: async ({ step }) => {
        if (step !== left[0]) return
        left.shift()
        await crashGpu()
      },
    },
  })
}

Object.assign(globalThis, { train, loaded: true })
