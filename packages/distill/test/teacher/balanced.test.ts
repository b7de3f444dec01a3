import { describe, expect, it } from 'vitest'
import { balanced } from '../../src/index.ts'

describe('balanced', () => {
  it('choose sentences of which a share is of a class', () => {
    const logits = [0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0].map(Number)
    expect(balanced(logits, 0.5)).toEqual([0, 1, 2, 4])
    expect(balanced(logits, 0.25)).toEqual([0, 1, 2, 3, 5])
  })
})
