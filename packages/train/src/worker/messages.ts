// Messages between the main thread and the worker: calls and replies as plain data, and errors that keep their class.

import {
  ColaError,
  float32,
  FormatError,
  GraphError,
  ShapeError,
  type Tensor,
  toFloat32,
  UnsupportedOperatorError,
} from '@cola/graph'
import type { LossTerm } from '../artifacts/loss-terms.ts'
import { errorClasses } from '../errors.ts'
import type { SessionState } from '../session/training-session.ts'
import type { Device } from '../runtime/devices.ts'

/** Options of {@link createTrainingWorker}. */
export interface WorkerOptions {
  /** Folder of saveArtifacts. */
  folder: string
  /** @default 'cpu' */
  device?: Device
  /** Seed of the dropout masks. @default 0 */
  seed?: number
}

/** A call of a session's method; `state` and tensors as plain data. */
export interface Call {
  id: number
  method: string
  args: unknown[]
}

/** Properties of the opened session: the result of call 0. */
export interface Opened {
  size: number
  lossTerms: readonly LossTerm[]
}

export interface Reply {
  id: number
  result?: unknown
  error?: PlainError
}

interface PlainError {
  name: string
  message: string
  problem?: ColaError['problem']
}

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

/** Every error class that a session throws, of this package and of @cola/graph. */
const errors = { ...errorClasses, ColaError, FormatError, GraphError, ShapeError, UnsupportedOperatorError }

export function plainError(error: unknown): PlainError {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  return { name, message, ...(error instanceof ColaError ? { problem: error.problem } : {}) }
}

/** The error of the worker, with its class. */
export function fromPlainError({ name, message, problem }: PlainError): Error {
  const type = errors[name as keyof typeof errors] ?? ColaError
  return problem ? new type(problem) : new Error(message)
}
