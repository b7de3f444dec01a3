// The worker's side of its messages: those of the thread that started it.

import { builtin, hasFiles } from '../files/node.ts'
import type { FromWorker, ToWorker } from './messages.ts'

export interface Parent {
  post(message: FromWorker): void
  /** Calls `receive` with each message, in their order. */
  listen(receive: (message: ToWorker) => void): void
  /** Lets the thread end when nothing is left to do. */
  close(): void
}

export function parent(): Parent {
  if (hasFiles()) {
    const { parentPort } = builtin<typeof import('node:worker_threads')>('node:worker_threads')
    return {
      post: (message) => parentPort?.postMessage(message),
      listen: (receive) => parentPort?.on('message', receive),
      close: () => parentPort?.close(),
    }
  }
  const scope = globalThis as unknown as Worker & { close(): void }
  return {
    post: (message) => scope.postMessage(message, buffersOf(message)),
    listen: (receive) => {
      scope.onmessage = ({ data }: MessageEvent<ToWorker>) => receive(data)
    },
    close: () => scope.close(),
  }
}

/** The buffers of a message's arrays, which are moved instead of copied: nothing here reads them again. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) found.add(value.buffer)
  } else if (typeof value === 'object' && value !== null)
    for (const part of value instanceof Map ? value.values() : Object.values(value)) buffersOf(part, found)
  return [...found]
}
