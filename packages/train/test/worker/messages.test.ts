import * as graph from '@cola/graph'
import { describe, expect, it } from 'vitest'
import * as train from '../../src/index.ts'
import { fromPlainError, plainError } from '../../src/worker/messages.ts'

type ErrorClass = new (problem: graph.Problem) => graph.ColaError
const isErrorClass = (value: unknown): boolean =>
  typeof value === 'function' && value.prototype instanceof graph.ColaError
const classes = (Object.values({ ...graph, ...train }) as unknown[]).filter(isErrorClass) as ErrorClass[]

describe('an error from another thread', () => {
  it.each(classes.map((type) => [type.name, type] as const))('keeps its class %s', (name, type) => {
    const sent = structuredClone(plainError(new type({ where: 'here', what: 'no', found: '1' })))
    const error = fromPlainError(sent)
    expect(error).toBeInstanceOf(type)
    expect([error.name, error.message]).toEqual([name, 'here: no, found 1.'])
    expect((error as graph.ColaError).problem).toEqual({ where: 'here', what: 'no', found: '1' })
  })
  it('is an Error if its class is unknown', () => {
    expect(fromPlainError(structuredClone(plainError(new RangeError('far'))))).toEqual(new Error('far'))
    expect(fromPlainError(plainError('far'))).toEqual(new Error('far'))
  })
})
