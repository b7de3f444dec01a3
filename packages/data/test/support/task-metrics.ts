// Scores of other libraries (make-task-metrics.py), and the comparison with them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'

interface Scored<Rows, Scores = Record<string, number>> {
  labels: Rows
  predictions: Rows
  scores: Scores
}

interface Fixture {
  multilabel: Scored<number[][]>[]
  regression: Scored<number[]>[]
  entities: Scored<string[][], { types: Record<string, Record<string, number>> } & Record<string, unknown>>[]
  retrieval: {
    queries: number[]
    documents: number[]
    targets: number[]
    scores: Record<string, number>
    similarities: number[]
  }
}

const file = join(import.meta.dirname, '../fixtures/task-metrics.json')
export const fixture = JSON.parse(readFileSync(file, 'utf8')) as Fixture

/** Numbers that agree to eight places, in objects of one shape. */
export function close(found: unknown, right: unknown): void {
  if (typeof right === 'number') expect(found).toBeCloseTo(right, 7)
  else {
    expect(Object.keys(found as object).sort()).toEqual(Object.keys(right as object).sort())
    for (const [name, value] of Object.entries(right as object)) close((found as Record<string, unknown>)[name], value)
  }
}

export const warned = (run: (onWarning: (message: string) => void) => unknown) => {
  const messages: string[] = []
  return [run((message) => messages.push(message)), messages] as const
}
