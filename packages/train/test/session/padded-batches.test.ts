import { addInput, cloneGraph } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { FeedError, paddedBatches } from '../../src/index.ts'
import { counting } from '../support/counting.ts'

describe('padded batches', () => {
  const graph = counting(16)
  it.each([1.5, Number.NaN, '1'])('refuse %s as a token id, naming the row', (id) => {
    const make = () =>
      paddedBatches(graph)([
        [1, 2],
        [3, id as number],
      ])
    expect(make).toThrow(FeedError)
    expect(make).toThrow(/row 2 of the batch, token 2: not a token id/)
  })

  it('use the padding token of the configuration, and have the token types of pairs', () => {
    const { input_ids, token_type_ids, attention_mask } = paddedBatches(graph, { pad_token_id: 7 })([
      { input_ids: [1, 2, 3], token_type_ids: [0, 1, 1] },
      [4],
    ])
    expect([...(input_ids?.data ?? [])]).toEqual([1n, 2n, 3n, 4n, 7n, 7n])
    expect([...(token_type_ids?.data ?? [])]).toEqual([0n, 1n, 1n, 0n, 0n, 0n])
    expect([...(attention_mask?.data ?? [])]).toEqual([1n, 1n, 1n, 1n, 0n, 0n])
    const positions = cloneGraph(graph)
    addInput(positions, 'position_ids', 'int64', ['batch', 'sequence'])
    expect([...(paddedBatches(positions, { firstPosition: 2 })([[5, 6]]).position_ids?.data ?? [])]).toEqual([2n, 3n])
    expect(() => paddedBatches(graph, { pad_token_id: 16 })).toThrow(/pad_token_id.*expected 0 to 15, found 16/)
    expect(() => paddedBatches(graph, { pad_token_id: -1 })).toThrow(/found -1/)
    expect(() => paddedBatches(graph, { pad_token_id: Number.NaN })).toThrow(/found NaN/)
  })

  it('name the last token of each row, of a row without tokens its first column, as transformers does', () => {
    const last = cloneGraph(graph)
    addInput(last, 'last_token', 'int32', ['batch'])
    const { last_token } = paddedBatches(last)([[], [5, 6, 7], [], [4]])
    expect([...(last_token?.data ?? [])]).toEqual([0, 5, 6, 9])
  })
})
