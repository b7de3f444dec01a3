import { describe, expect, it } from 'vitest'
import { packSteps, random } from '../../src/index.ts'

describe('packSteps', () => {
  it('orders tokens step by step, like pack_padded_sequence', () => {
    const { input_ids, batch_sizes, step_splits, reverse_index, last_token, token_index, lengths } = packSteps(
      [[5], [1, 2, 3], [7, 8]],
      { max_length: 4 },
    )
    expect([...input_ids.data]).toEqual([1, 7, 5, 2, 8, 3])
    expect([...batch_sizes.data].map(Number)).toEqual([3, 2, 1, 0])
    expect([...step_splits.data].map(Number)).toEqual([2, 1, 1, 1, 0, 1, 0, 0])
    expect([...last_token.data]).toEqual([2, 5, 4])
    expect([...reverse_index.data]).toEqual([5, 4, 2, 3, 1, 0])
    expect(token_index).toEqual({ data: Int32Array.of(2, 6, 6, 0, 3, 5, 1, 4, 6), dims: [3, 3] })
    expect([...lengths.data]).toEqual([1, 3, 2])
  })

  it('keeps every token of random batches', () => {
    const stream = random(1, 'packSteps')
    for (let round = 0; round < 50; round++) {
      const sentences = Array.from({ length: 1 + stream.integer(9) }, () =>
        Array.from({ length: 1 + stream.integer(12) }, () => stream.integer(99)),
      )
      const { input_ids, token_index, last_token, reverse_index } = packSteps(sentences, { max_length: 12 })
      const columns = token_index.dims[1] as number
      sentences.forEach((sentence, i) => {
        const places = [...token_index.data.subarray(i * columns, i * columns + sentence.length)]
        expect(places.map((place) => input_ids.data[place])).toEqual(sentence)
        expect(last_token.data[i]).toBe(places.at(-1))
        expect(places.map((place) => reverse_index.data[place])).toEqual([...places].reverse())
      })
    }
  })

  it('refuses sentences without tokens or longer than the steps', () => {
    expect(() => packSteps([], { max_length: 2 })).toThrow(/no sentences/)
    expect(() => packSteps([[1], []], { max_length: 2 })).toThrow(/sentence 2 of the batch: a sentence without tokens/)
    expect(() => packSteps([[1, 2, 3]], { max_length: 2 })).toThrow(/at most 2 tokens, found 3/)
  })
})
