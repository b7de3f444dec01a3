import { describe, expect, it } from 'vitest'
import { DataError, packForLanguageModel, packSentences, packSteps, requireTokenIds } from '../../src/index.ts'

describe('token ids of a batch', () => {
  it.each([-1, 1.5, Number.NaN, 2 ** 31, '1'])('%s is refused with its row', (id) => {
    const sentences = [
      [0, 1],
      [2, id as number],
    ]
    const message = /sentence 2 of the batch: a token id without a row in the embedding table.*, token 2/
    expect(() => packSentences(sentences)).toThrow(DataError)
    expect(() => packSentences(sentences)).toThrow(message)
    expect(() => packForLanguageModel(sentences)).toThrow(message)
    expect(() => packSteps(sentences, { max_length: 4 })).toThrow(message)
  })

  it('is below the size of the vocabulary', () => {
    requireTokenIds([0, 4], 'row 1', 5)
    expect(() => requireTokenIds([0, 5], 'row 1', 5)).toThrow(/row 1: .*expected 0 to 4, found 5, token 2/)
  })
})
