// PyTorch's numbers, bit for bit; make-references.py has drawn them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { torchGenerator } from '../../../src/methods/vera/torch-generator.ts'

interface Drawn {
  rows: number
  columns: number
  first: number[]
  around: number[]
  last: number[]
  sum: number
}
const { drawn } = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/methods.json'), 'utf8')) as {
  drawn: Record<string, Drawn[]>
}

describe('torchGenerator', () => {
  it.each(Object.entries(drawn))('draws what PyTorch draws from the seed %s', (seed, matrices) => {
    const generator = torchGenerator(Number(seed))
    for (const { rows, columns, first, around, last, sum } of matrices) {
      const bound = Math.sqrt(3) * (Math.sqrt(2) / Math.sqrt(columns))
      const values = generator.uniform(rows * columns, -bound, bound)
      expect([...values.subarray(0, 4)]).toEqual(first)
      expect([...values.subarray(620, 628)]).toEqual(around)
      expect([...values.subarray(-4)]).toEqual(last)
      expect(values.reduce((total, value) => total + value, 0)).toBeCloseTo(sum, 9)
    }
  })
})
