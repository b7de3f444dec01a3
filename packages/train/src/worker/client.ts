// A training session in a worker, so that neither a page nor a server waits for the runtime, which blocks its thread.

import type { Source } from '@cola/data'
import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { FeedError, SessionError } from '../errors.ts'
import { callable, checkOptions, type Checks, integer, object, requireOptions, text } from '@cola/graph/options'
import { hasFiles } from '../files/node.ts'
import { checkDevice, defaultDevice, type Device, type ResolvedDevice } from '../runtime/devices.ts'
import { runtimeSettings } from '../runtime/runtime-options.ts'
import { isNews } from '../runtime/start-wasm.ts'
import { Calls } from '../session/calls.ts'
import type { TrainableSession } from '../session/training-session.ts'
import {
  type FromWorker,
  fromPlainState,
  fromPlainTensors,
  type Method,
  type Opened,
  plainState,
  plainTensors,
  type ToWorker,
} from './messages.ts'
import { fromPlainError } from './plain-error.ts'
import { artifactFiles, sendFiles } from './send-artifacts.ts'
import { startThread, type WebWorker } from './thread.ts'

/** Options of {@link createTrainingWorker}. */
export interface WorkerOptions {
  /**
   * The artifacts: where the files of saveArtifacts lie, as `loadArtifacts` reads them, or the artifacts themselves. All
   * but a folder in Node is read here, and sent.
   */
  folder: Source | TrainingArtifacts
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
  /** Seed of the dropout masks. @default 0 */
  seed?: number
  /**
   * Browsers: starts the worker, for bundlers that do not know `new Worker(new URL(...))`. Its script is
   * `@cola/train/worker`. @default the script beside this one
   */
  createWorker?: () => WebWorker
  /** Is told when a browser's runtime has to compute on one thread: once in a page. @default nobody is told */
  onWarning?: (message: string) => void
}

/** A session in a worker, and the device that it runs on. */
export type TrainingWorker = TrainableSession & { readonly device: ResolvedDevice }

const checks: Checks<WorkerOptions> = {
  folder: ['a path, an address, files, bytes by name or artifacts', (value) => text[1](value) || object[1](value)],
  device: text,
  seed: integer,
  createWorker: callable,
  onWarning: callable,
}

interface Pending {
  resolve: (result: never) => void
  reject: (error: Error) => void
}

/**
 * Opens training artifacts in a worker: a thread in Node, a Web Worker in a browser. The result can be used like a
 * TrainingSession, by the Trainer for instance. Methods that return nothing are queued; the next call that returns a
 * promise throws their errors.
 * @throws {ConfigError} for an option that is unknown or not valid.
 * @throws {DeviceError} when a browser does not start the worker, or the device is not available.
 * @throws {FileError | FormatError | DataError | HubError} as loadArtifacts does.
 */
export async function createTrainingWorker(options: WorkerOptions): Promise<TrainingWorker> {
  checkOptions('createTrainingWorker', options, checks)
  requireOptions('createTrainingWorker', options, checks, ['folder'])
  const { folder, device = defaultDevice(), seed, createWorker, onWarning } = options
  checkDevice(device)
  const calls = new Calls('training worker')
  const pending = new Map<number, Pending>()
  let count = 0
  let queued: Error | undefined
  let ended: Error | undefined
  const end = (error: Error) => {
    ended ??= error
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
    void calls.end('the worker has ended')
  }
  const tell = (warning: string) => {
    if (onWarning && isNews(warning)) onWarning(warning)
  }
  const onMessage = (message: FromWorker) => {
    if ('warning' in message) return tell(message.warning)
    const { id, result, error } = message
    const call = pending.get(id)
    pending.delete(id)
    if (error) call?.reject(fromPlainError(error))
    else call?.resolve(result as never)
  }
  const thread = await startThread({ onMessage, onEnd: end }, createWorker)

  const send = <Result>(id: number, message: ToWorker): Promise<Result> => {
    if (ended) throw ended
    try {
      thread.post(message)
    } catch (cause) {
      throw notCloneable('method' in message ? message.method : 'createTrainingWorker', cause as Error)
    }
    return new Promise<Result>((resolve, reject) => pending.set(id, { resolve, reject }))
  }
  const post = <Result>(method: Method, args: unknown[]): Promise<Result> => {
    const id = ++count
    return send(id, { id, method, args })
  }
  const call = async <Result>(method: Method, ...args: unknown[]): Promise<Result> => {
    const result = await post<Result>(method, args)
    if (queued) {
      const error = queued
      queued = undefined
      throw error
    }
    return result
  }
  const change = <Result>(method: Method, ...args: unknown[]) =>
    calls.change(method, () => call<Result>(method, ...args))
  const read = <Result>(method: Method, ...args: unknown[]) => calls.read(method, () => call<Result>(method, ...args))
  const queue = (method: Method, ...args: unknown[]): void => {
    calls.requireIdle(method)
    post(method, args).catch((error: Error) => {
      queued = error
    })
  }

  // Node's worker reads the folder itself; a browser's would look for a path from where its script is.
  const path = typeof folder === 'string' && hasFiles() ? { folder } : {}

  try {
    if (!('folder' in path)) await sendFiles(thread, await artifactFiles(folder))
    const start = {
      ...path,
      ...(seed === undefined ? {} : { seed }),
      device,
      runtime: runtimeSettings(),
    }
    const opened = await send<Opened>(0, { start })
    let { device: running } = opened
    return {
      get device() {
        return running
      },
      lossTerms: opened.lossTerms,
      runTrainStep: (batch, step) => change('runTrainStep', batch, step),
      runEvalStep: (batch) => read('runEvalStep', batch),
      runOptimizerStep: (step) => change('runOptimizerStep', step),
      lazyResetGrad: () => queue('lazyResetGrad'),
      seekDropout: (steps) => queue('seekDropout', steps),
      getParametersSize: () => opened.size,
      getFingerprint: () => read('getFingerprint'),
      getParameters: async () => fromPlainTensors(await read('getParameters')),
      setParameters: (tensors) => change('setParameters', plainTensors(tensors)),
      getState: async () => fromPlainState(await read('getState')),
      setState: (state) => queue('setState', plainState(state)),
      reopen: async () => {
        running = await change('reopen')
      },
      release: async () => {
        if (!(await calls.end('the session was released'))) return
        await post('release', []).catch((error) => {
          // The end of the thread is what was asked for.
          if (!(error instanceof SessionError)) throw error
        })
        await thread.end()
      },
    }
  } catch (error) {
    // A worker that waits for calls would keep the process alive.
    await thread.end()
    throw error
  }
}

const notCloneable = (method: string, cause: Error): FeedError =>
  new FeedError(
    {
      where: method,
      what: 'its arguments cannot be sent to the worker',
      expected: 'numbers, strings and arrays of them',
      found: cause.message,
      fix: 'Leave out functions, promises and objects with methods.',
    },
    { cause },
  )
