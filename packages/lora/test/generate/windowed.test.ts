// A decoder that sees a window of its cache, against transformers (test/make-windowed.py): Mistral, StarCoder2 and others
// count the window in slots of the cache, padding too.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createGenerator, openBase } from '../../src/index.ts'
import { json, parsed, read, wordTokenizer } from '../support/decoder-files.ts'

const fixtures = join(import.meta.dirname, '../fixtures/windowed')
const expected = parsed(read(join(fixtures, 'expected.json')))
const { prompts, greedy } = expected as { prompts: number[][]; greedy: number[][] }
const source = {
  'config.json': read(join(fixtures, 'config.json')),
  'tokenizer.json': json(wordTokenizer(40)),
  'tokenizer_config.json': json({ eos_token: 'w2' }),
  'model.onnx': read(join(fixtures, 'model.onnx')),
}

describe('a decoder with a window', () => {
  it.each([
    ['one after another', prompts.map((prompt) => [prompt])],
    ['in one batch, the shorter one first', [prompts]],
    ['in one batch, the longer one first', [prompts.toReversed()]],
  ])('goes on with prompts %s as transformers does with each', async (_, batches) => {
    const base = await openBase(source)
    const model = base.cachedLanguageModel() as NonNullable<ReturnType<typeof base.cachedLanguageModel>>
    const generator = await createGenerator(model, { config: base.config })
    const found = new Map<string, number[]>()
    for (const batch of batches) {
      const texts = await generator.generate(batch, { max_new_tokens: 8, eos_token_id: [] })
      for (const [i, text] of texts.entries()) found.set(String(batch[i]), text)
    }
    await generator.release()
    expect(prompts.map((prompt) => found.get(String(prompt)))).toEqual(greedy)
  })
})
