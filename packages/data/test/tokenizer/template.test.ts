import { describe, expect, it } from 'vitest'
import { DataError } from '../../src/index.ts'
import { fill, templateOf } from '../../src/tokenizer/template.ts'

const postProcess = (first: string[]) => ({ tokens: ['[CLS]', ...first], token_type_ids: undefined })

describe('the template of a post-processor', () => {
  it('has the ids of its special tokens', () => {
    const template = templateOf(postProcess, () => [2, 3], { pair: false })
    expect(fill(template, { first: [7], second: [] })).toEqual({ input_ids: [2, 3, 7], token_type_ids: [0, 0, 0] })
  })

  it.each<[string, unknown]>([
    ['a text', 'constructor'],
    ['a list of lists', [[3]]],
    ['null', null],
    ['a negative number', [-1]],
    ['a fraction', [1.5]],
  ])('refuses ids that are %s', (_, ids) => {
    const of = () => templateOf(postProcess, () => ids as number[], { pair: false })
    expect(of).toThrow(DataError)
    expect(of).toThrow(/special token "\[CLS\]": its ids are not token ids, expected an array of whole numbers from 0/)
  })
})
