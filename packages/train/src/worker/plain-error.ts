// Errors as plain data, which keep their class when they are sent to another thread.

import { requireKind } from '@cola/graph/door'
import { DataError, HubError } from '@cola/data'
import { ColaError, FormatError, GraphError, type Problem, ShapeError, UnsupportedOperatorError } from '@cola/graph'
import { errorClasses } from '../errors.ts'

/** An error as plain data. */
export interface PlainError {
  name: string
  message: string
  /** Of this library's errors. */
  problem?: Problem
}

type ProblemError = new (problem: Problem) => Error

/** The error classes of this package and of those that it builds on. */
const classes: Readonly<Record<string, ProblemError>> = {
  ...errorClasses,
  ColaError,
  DataError,
  FormatError,
  GraphError,
  HubError,
  ShapeError,
  UnsupportedOperatorError,
}

/** An error as plain data, for postMessage, which sends errors without their class and fields. */
export function plainError(error: unknown): PlainError {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  const problem = error instanceof ColaError ? error.problem : undefined
  return { name, message, ...(problem ? { problem } : {}) }
}

/**
 * The error that {@link plainError} was given, with its class.
 * @param more Further classes by name, such as @cola/lora's `{ AdapterError }`. An unknown class becomes its base.
 */
export function fromPlainError(error: PlainError, more: Readonly<Record<string, ProblemError>> = {}): Error {
  requireKind('fromPlainError, error', error, 'object')
  const { name, message, problem } = error
  if (!problem) return Object.assign(new Error(message), { name })
  const Class = Object.hasOwn(more, name) ? more[name] : Object.hasOwn(classes, name) ? classes[name] : undefined
  return Object.assign(new (Class ?? ColaError)(problem), { name })
}
