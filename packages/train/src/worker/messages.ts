// Messages between a thread and its worker: a start, files, calls and their replies, as plain data.

import { float32, type Tensor, toFloat32 } from '@cola/graph'
import type { LossTerm } from '../artifacts/loss-terms.ts'
import type { ResolvedDevice, Device } from '../runtime/devices.ts'
import type { RuntimeSettings } from '../runtime/runtime-options.ts'
import type { SessionState } from '../session/training-options.ts'
import type { TrainableSession } from '../session/training-session.ts'
import type { PlainError } from './plain-error.ts'

/** Bytes of a file of the artifacts, from `at` on; the file has `size` bytes. */
export interface FilePart {
  file: string
  size: number
  at: number
  bytes: Uint8Array
}

/** Opens the session. It comes after the files, and its reply has the id 0. */
export interface Start {
  start: {
    /** Path of the artifacts. @default the files that were sent */
    folder?: string
    device: Device
    seed?: number
    runtime: RuntimeSettings
  }
}

/** Names of a session's methods that the worker calls. */
export type Method = Exclude<keyof TrainableSession, 'lossTerms' | 'getParametersSize'>

/** A call of a session's method; `state` and tensors as plain data. */
export interface Call {
  id: number
  method: Method
  args: unknown[]
}

export type ToWorker = FilePart | Start | Call

/** Properties of the opened session: the result of the start. */
export interface Opened {
  device: ResolvedDevice
  size: number
  lossTerms: readonly LossTerm[]
}

export interface Reply {
  id: number
  result?: unknown
  error?: PlainError
}

export type FromWorker = Reply | { warning: string }

interface PlainTensor {
  dims: readonly number[]
  data: Float32Array
}

export type PlainTensors = [string, PlainTensor][]

export const plainTensors = (tensors: ReadonlyMap<string, Tensor>): PlainTensors =>
  [...tensors].map(([name, value]) => [name, { dims: value.dims, data: toFloat32(value).slice() }])
export const fromPlainTensors = (list: PlainTensors): Map<string, Tensor> =>
  new Map(list.map(([name, { dims, data }]) => [name, float32(dims, data)]))

export const plainState = ({ tensors, step }: SessionState): { tensors: PlainTensors; step: number } => ({
  tensors: plainTensors(tensors),
  step,
})
export const fromPlainState = ({ tensors, step }: { tensors: PlainTensors; step: number }): SessionState => ({
  tensors: fromPlainTensors(tensors),
  step,
})
