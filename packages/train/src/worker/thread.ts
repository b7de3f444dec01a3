// Starts the worker, a thread of Node or a Web Worker, and sends and receives its messages.

import { DeviceError, SessionError } from '../errors.ts'
import { builtin, hasFiles } from '../files/node.ts'
import { keepWorker } from '../runtime/keep-workers.ts'
import type { FromWorker, ToWorker } from './messages.ts'

export interface Thread {
  /** @throws {DOMException} DataCloneError for what cannot be copied to another thread. */
  post(message: ToWorker, transfer?: ArrayBuffer[]): void
  /** Ends the thread at once. */
  end(): Promise<void>
}

/** What is used of a page's `Worker`, which is of this type: not every project has lib.dom. */
export interface WebWorker {
  /** Hears a message. */
  onmessage: ((event: never) => unknown) | null
  /** Hears of a message that cannot be read. */
  onmessageerror: ((event: never) => unknown) | null
  /** Hears of an error of the worker's script. */
  onerror: ((event: never) => unknown) | null
  /** Sends a message. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  /** Ends the worker at once. */
  terminate(): void
}

/** What is done with messages, and when the thread ends by itself, or is ended because it failed. */
export interface Receiver {
  onMessage: (message: FromWorker) => void
  onEnd: (error: Error) => void
}

/** Starts the worker's thread. @throws {DeviceError} when a browser refuses it. */
export const startThread = (receiver: Receiver, createWorker?: () => WebWorker): Promise<Thread> =>
  hasFiles() ? nodeThread(receiver) : webWorker(receiver, createWorker)

async function nodeThread({ onMessage, onEnd }: Receiver): Promise<Thread> {
  const threads = builtin<typeof import('node:worker_threads')>('node:worker_threads')
  // Native libraries read the environment of the process, not a worker's copy.
  const worker = new threads.Worker(new URL(import.meta.resolve('@cola/train/worker')), { env: threads.SHARE_ENV })
  const end = async () => {
    await worker.terminate()
  }
  worker.on('message', onMessage)
  worker.on('messageerror', (cause) => {
    onEnd(ended('a message of the worker could not be read', cause.message))
    void end()
  })
  worker.on('error', (cause) => onEnd(ended('the worker failed', cause.message)))
  worker.on('exit', () => onEnd(ended('the worker has ended')))
  return { post: (message, transfer) => worker.postMessage(message, transfer), end }
}

const ended = (what: string, found?: string): SessionError =>
  new SessionError({ where: 'training worker', what, ...(found ? { found } : {}) })

async function webWorker({ onMessage, onEnd }: Receiver, createWorker?: () => WebWorker): Promise<Thread> {
  const { createWebWorker } = await import('#web-worker')
  let worker: WebWorker
  try {
    worker = (createWorker ?? createWebWorker)()
  } catch (cause) {
    throw blocked((cause as Error).message, cause)
  }
  const letGo = keepWorker(worker)
  const stop = () => {
    worker.terminate()
    letGo()
  }
  let heard = false
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
    heard = true
    onMessage(data)
  }
  // A browser's worker goes on after an error of its script.
  const fail = (error: Error) => {
    onEnd(error)
    stop()
  }
  worker.onmessageerror = () => fail(ended('a message of the worker could not be read'))
  worker.onerror = (event: ErrorEvent) => {
    event.preventDefault()
    fail(heard ? ended('the worker failed', event.message) : blocked(event.message || 'its script could not be loaded'))
  }
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    end: async () => stop(),
  }
}

const blocked = (found: string, cause?: unknown): DeviceError =>
  new DeviceError(
    {
      where: 'createTrainingWorker',
      what: 'the browser did not start the worker',
      found,
      fix:
        "Allow workers of the page's origin (Content-Security-Policy: worker-src 'self'). Where a bundler does not " +
        "know `new Worker(new URL(...))`, bundle '@cola/train/worker' as a file of its own and pass the option " +
        "createWorker: () => new Worker('/worker.js', { type: 'module' }).",
    },
    { cause },
  )
