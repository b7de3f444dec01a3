// A long text is cut before it is tokenized, to the same tokens.

import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createTokenizer, random, readTokenizer, type Tokenizer } from '../../src/index.ts'

const shared = (name: string) => new URL(`../../../../../shared/data/${name}`, import.meta.url).pathname

const byteLevel = createTokenizer({
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    vocab: Object.fromEntries(
      ['a', 'b', 'c', '\u0120', 'ab', '\u0120\u0120', 'aa', '\u0120a', 'abab'].map((t, i) => [t, i]),
    ),
    merges: ['a b', '\u0120 \u0120', 'a a', '\u0120 a', 'ab ab'],
  },
})

/** The tokens without a cut, truncated. */
const expected = (tokenizer: Tokenizer, text: string, length: number, side: 'left' | 'right') => {
  const all = tokenizer.encode(text, { add_special_tokens: false })
  return side === 'right' ? all.slice(0, length) : all.slice(-length)
}

function texts(): string[] {
  const stream = random(3, 'long')
  const letters = ['a', 'b', 'c', ' ', '  ', 'ab', 'aaaa']
  const mixed = Array.from({ length: 9000 }, () => letters[stream.integer(letters.length)]).join('')
  return [' '.repeat(12001), 'a'.repeat(12000), 'ab'.repeat(6000), mixed]
}

describe('a text that is far longer than max_length', () => {
  it.each(['left', 'right'] as const)('has the same tokens, cut on the %s', (side) => {
    for (const text of texts())
      for (const length of [1, 7, 64]) {
        const options = { max_length: length, truncation_side: side, add_special_tokens: false }
        const { input_ids, overflow } = byteLevel.encodePlus(text, options)
        expect(input_ids).toEqual(expected(byteLevel, text, length, side))
        expect(overflow).toBeGreaterThan(0)
      }
  })

  it('has the same tokens in a pair, whichever text is longer', () => {
    const [short, long, longer] = ['ab c', 'ab c '.repeat(2400), 'ab c '.repeat(2401)] as const
    const pairs = [
      [short, long],
      [long, short],
      [long, longer],
      [longer, long],
    ] as const
    for (const [text, text_pair] of pairs)
      for (const max_length of [10, 11])
        for (const truncation_strategy of ['longest_first', 'only_first', 'only_second'] as const) {
          const encode = (a: string, b: string) => {
            try {
              return byteLevel.encode(a, { text_pair: b, max_length, truncation_strategy })
            } catch (error) {
              return (error as Error).name
            }
          }
          // 5,000 characters are below the bound from which texts are cut.
          const cut = (part: string) => (part === longer ? part.slice(0, 5000) : part.slice(0, 4995))
          expect(encode(text, text_pair)).toEqual(encode(cut(text), cut(text_pair)))
        }
  })

  it('is not tokenized as a whole', () => {
    const start = performance.now()
    byteLevel.encode(' '.repeat(10_000_000), { max_length: 128 })
    expect(performance.now() - start).toBeLessThan(3000)
  })

  it.skipIf(!existsSync(shared('gpt2')))('has the same tokens with real tokenizers', async () => {
    for (const name of ['gpt2', 'minilm-l6', 'smollm2-135m']) {
      const tokenizer = await readTokenizer(shared(name))
      for (const text of [' '.repeat(11001), 'Where is my parcel, and why? '.repeat(400), 'x1 '.repeat(4000)])
        for (const side of ['left', 'right'] as const) {
          const options = { max_length: 32, truncation_side: side, add_special_tokens: false }
          expect(tokenizer.encode(text, options)).toEqual(expected(tokenizer, text, 32, side))
        }
    }
  })
})
