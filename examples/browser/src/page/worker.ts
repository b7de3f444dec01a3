// A page's side of its worker: calls that answer, and what it tells.

import type { PlainError } from '@cola/train'

/** An error of the worker, with the parts of its message where it has them. */
export class WorkerError extends Error {
  readonly said: PlainError
  constructor(said: PlainError) {
    super(said.message)
    this.name = said.name
    this.said = said
  }
}

/** Each call by name, what it asks and what it answers. */
type AnyCalls<Calls> = { [Name in keyof Calls]: { ask: unknown; answer: unknown } }

/** @typeParam Told What the worker tells without being asked. */
export interface Connection<Calls extends AnyCalls<Calls>, Told extends { event: string }> {
  call: <Name extends keyof Calls>(name: Name, ask: Calls[Name]['ask']) => Promise<Calls[Name]['answer']>
  /** Calls a function for each event of a name. */
  on: <Name extends Told['event']>(name: Name, listener: (told: Extract<Told, { event: Name }>) => void) => void
}

type FromWorker<Told> = { id: number; answer: unknown } | { id: number; error: PlainError } | Told

/**
 * @param start Starts the worker.
 * @param onFailure Called when it cannot start, or ends with an error that belongs to no call.
 */
export function connect<Calls extends AnyCalls<Calls>, Told extends { event: string }>(
  start: () => Worker,
  onFailure: (error: WorkerError) => void,
): Connection<Calls, Told> {
  const waiting = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>()
  const listeners = new Map<string, ((told: never) => void)[]>()
  let calls = 0
  let failure: WorkerError | undefined
  const fail = (said: PlainError) => {
    failure = new WorkerError(said)
    for (const { reject } of waiting.values()) reject(failure)
    waiting.clear()
    onFailure(failure)
  }
  let worker: Worker | undefined
  try {
    worker = start()
    worker.onerror = (event) =>
      fail({ name: 'WorkerFailed', message: event.message || 'the worker could not be loaded' })
    worker.onmessage = ({ data }: MessageEvent<FromWorker<Told>>) => {
      if ('event' in data) {
        for (const listener of listeners.get(data.event) ?? []) listener(data as never)
        return
      }
      const call = waiting.get(data.id)
      waiting.delete(data.id)
      if ('error' in data) call?.reject(new WorkerError(data.error))
      else call?.resolve(data.answer as never)
    }
  } catch (error) {
    fail({ name: 'WorkerFailed', message: (error as Error).message })
  }
  return {
    call: (name, ask) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure)
        waiting.set(++calls, { resolve, reject })
        return worker?.postMessage({ id: calls, call: name, ask })
      }),
    on: (name, listener) => {
      listeners.set(name, [...(listeners.get(name) ?? []), listener as (told: never) => void])
    },
  }
}
