// Runs in the browser: trains the tiny model on WebGPU, and has the test end the GPU's process between steps.

import { memorySink } from '@cola/data'
import { type Run, trainTiny } from './train-tiny.ts'

/** The test's function: ends the GPU's process. */
declare const crashGpu: () => Promise<void>

export interface Disturbed {
  /** The step after which the GPU's process ends, before its checkpoint. @default none */
  crashAt?: number
  /** @default no checkpoints */
  save_steps?: number
}

function train({ crashAt, save_steps }: Disturbed): Promise<Run> {
  let crashed = false
  return trainTiny('webgpu', {
    ...(save_steps ? { output_dir: memorySink('run'), save_steps } : {}),
    callbacks: {
      onStep: async ({ step }) => {
        if (step !== crashAt || crashed) return
        crashed = true
        await crashGpu()
      },
    },
  })
}

Object.assign(globalThis, { train, loaded: true })
