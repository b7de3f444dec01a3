// A training session in a worker thread, for servers: the runtime blocks its thread while it runs.

import { hasFiles } from '../files/node.ts'
import { DeviceError } from '../errors.ts'
import type { TrainableSession } from '../session/training-session.ts'
import {
  type Call,
  fromPlainError,
  fromPlainState,
  fromPlainTensors,
  type Opened,
  plainState,
  plainTensors,
  type Reply,
  type WorkerOptions,
} from './messages.ts'

interface Pending {
  resolve: (result: never) => void
  reject: (error: Error) => void
}

/**
 * Opens the artifacts of a folder (saveArtifacts) in a worker thread. The result can be used like a TrainingSession, by
 * the Trainer for instance. Methods that return nothing are queued; the next call that returns a promise throws their
 * errors.
 * @throws {DeviceError | FileError | FormatError} as TrainingSession.create and loadArtifacts do.
 */
export async function createTrainingWorker(options: WorkerOptions): Promise<TrainableSession> {
  if (!hasFiles())
    throw new DeviceError({
      where: 'createTrainingWorker',
      what: "worker threads are Node's",
      fix: 'In a browser, create the session inside a Web Worker.',
    })
  const { Worker } = await import('node:worker_threads')
  const worker = new Worker(new URL(import.meta.resolve('@cola/train/worker')), { workerData: options })
  const pending = new Map<number, Pending>()
  let calls = 0
  let queued: Error | undefined
  const fail = (error: Error) => {
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  worker.on('error', fail)
  worker.on('exit', () => fail(new DeviceError({ where: 'training worker', what: 'the worker has ended' })))
  worker.on('message', ({ id, result, error }: Reply) => {
    const call = pending.get(id)
    pending.delete(id)
    if (error) call?.reject(fromPlainError(error))
    else call?.resolve(result as never)
  })
  const replyTo = <Result>(id: number) => new Promise<Result>((resolve, reject) => pending.set(id, { resolve, reject }))
  const call = async <Result>(method: string, ...args: unknown[]): Promise<Result> => {
    const message: Call = { id: ++calls, method, args }
    const reply = replyTo<Result>(message.id)
    worker.postMessage(message)
    const result = await reply
    if (queued) {
      const error = queued
      queued = undefined
      throw error
    }
    return result
  }
  const queue = (method: string, ...args: unknown[]): void => {
    call(method, ...args).catch((error: Error) => {
      queued = error
    })
  }
  const { size, lossTerms } = await replyTo<Opened>(0).catch(async (error) => {
    // A worker that waits for calls would keep the process alive.
    await worker.terminate()
    throw error
  })
  return {
    lossTerms,
    runTrainStep: (batch, step) => call('runTrainStep', batch, step),
    runEvalStep: (batch) => call('runEvalStep', batch),
    runOptimizerStep: (step) => call('runOptimizerStep', step),
    lazyResetGrad: () => queue('lazyResetGrad'),
    seekDropout: (steps) => queue('seekDropout', steps),
    getParametersSize: () => size,
    getFingerprint: () => call('getFingerprint'),
    getParameters: async () => fromPlainTensors(await call('getParameters')),
    setParameters: (tensors) => call('setParameters', plainTensors(tensors)),
    getState: async () => fromPlainState(await call('getState')),
    setState: (state) => queue('setState', plainState(state)),
    release: async () => {
      await call('release')
      await worker.terminate()
    },
  }
}
