import * as data from '@cola/data'
import * as graph from '@cola/graph'
import { describe, expect, it } from 'vitest'
import * as train from '../../src/index.ts'
import { fromPlainError, plainError } from '../../src/worker/plain-error.ts'

type ErrorClass = new (problem: graph.Problem) => Error & { problem: graph.Problem }
const isErrorClass = (value: unknown): boolean =>
  typeof value === 'function' &&
  (value === data.DataError ||
    value.prototype instanceof data.DataError ||
    value === graph.ColaError ||
    value.prototype instanceof graph.ColaError)
const classes = (Object.values({ ...data, ...graph, ...train }) as unknown[]).filter(isErrorClass) as ErrorClass[]

describe('an error from another thread', () => {
  it.each(classes.map((type) => [type.name, type] as const))('keeps its class %s', (name, type) => {
    const sent = structuredClone(plainError(new type({ where: 'here', what: 'no', found: '1' })))
    const error = fromPlainError(sent)
    expect(error.constructor).toBe(type)
    expect([error.name, error.message]).toEqual([name, 'here: no, found 1.'])
    expect((error as graph.ColaError).problem).toEqual({ where: 'here', what: 'no', found: '1' })
  })
  it('keeps a class that the receiver names, and becomes a ColaError of its name without it', () => {
    class AdapterError extends graph.ColaError {
      override name = 'AdapterError'
    }
    const sent = structuredClone(plainError(new AdapterError({ where: 'here', what: 'no' })))
    expect(fromPlainError(sent, { AdapterError })).toBeInstanceOf(AdapterError)
    expect(fromPlainError(sent)).toBeInstanceOf(graph.ColaError)
    expect(fromPlainError(sent).name).toBe('AdapterError')
  })
  it('is an Error with its name if it has no problem', () => {
    const far = fromPlainError(structuredClone(plainError(new RangeError('far'))))
    expect([far.name, far.message]).toEqual(['RangeError', 'far'])
    expect(fromPlainError(plainError('far')).message).toBe('far')
  })
})
