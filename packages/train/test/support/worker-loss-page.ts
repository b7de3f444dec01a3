// Runs in the browser: trains the tiny model in a training worker, and has the test end the GPU's process between steps.

import { memorySink } from '@cola/data'
import { configureRuntime, createTrainingWorker, type Device } from '../../src/index.ts'
import { type Run, tinyArtifacts, trainWith } from './train-tiny.ts'

/** The test's function: ends the GPU's process. */
declare const crashGpu: () => Promise<void>

/** A run, and the devices that its worker had, first and last. */
export type WorkerRun = Run & { devices: string[] }

configureRuntime({ wasmPaths: '/' })

/** Trains. @param crashAt The step after which the GPU's process ends. @param script Of the worker. */
async function train(device: Device, crashAt: number, script: string): Promise<WorkerRun> {
  const warnings: string[] = []
  const worker = await createTrainingWorker({
    folder: tinyArtifacts(),
    device,
    onWarning: (message) => void warnings.push(message),
    createWorker: () => new Worker(`/files/${script}`, { type: 'module' }),
  })
  const first = worker.device
  const run = await trainWith(worker, warnings, {
    output_dir: memorySink('run'),
    save_steps: 1,
    callbacks: {
      onWarning: ({ message }) => void warnings.push(message),
      onStep: async ({ step }) => {
        if (step === crashAt && warnings.every((warning) => !warning.includes('lost'))) await crashGpu()
      },
    },
  })
  return { ...run, devices: [first, worker.device] }
}

Object.assign(globalThis, { train, loaded: true })
