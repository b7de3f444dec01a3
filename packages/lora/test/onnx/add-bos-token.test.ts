// The start token before texts. start-tokens.json is what transformers makes of each tokenizer (make-start-tokens.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTokenizer, readTokenizer } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { folderAt, temporaryFolders } from '../../../../tools/test-folders.ts'
import { ConfigError, fineTune, loadFineTuned, openBase, type OnnxModelOptions } from '../../src/index.ts'
import { addBosToken } from '../../src/onnx/add-bos-token.ts'
import { decoderFiles, json, wordTokenizer } from '../support/decoder-files.ts'
import { defaultDevice, loadClassifier } from '@cola/train'

interface Case {
  'tokenizer.json': object
  'tokenizer_config.json': object
  options: { bos_token?: string }
  single: number[]
  pair: number[]
}

const cases = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/start-tokens.json'), 'utf8')) as Record<
  string,
  Case
>
const out = temporaryFolders()

describe('a tokenizer', () => {
  it.each(Object.entries(cases))('%s: the tokens of transformers', (_, { options, single, pair, ...files }) => {
    const made = addBosToken(
      createTokenizer(files['tokenizer.json'], files['tokenizer_config.json']),
      options.bos_token,
    )
    const tokenizer = createTokenizer(made['tokenizer.json'], made['tokenizer_config.json'])
    expect(tokenizer.encode('the girl laughs')).toEqual(single)
    expect(tokenizer.encode('the girl', { text_pair: 'laughs' })).toEqual(pair)
    expect(tokenizer.encode('the girl', { add_special_tokens: false })).toEqual([4, 5])
    expect(addBosToken(tokenizer)).toEqual(made)
  })

  const after = {
    type: 'TemplateProcessing',
    single: [{ Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: 'w2', type_id: 0 } }],
    pair: [],
    special_tokens: { w2: { id: 'w2', ids: [2], tokens: ['w2'] } },
  }
  const wordPieces = wordTokenizer(40)
  const unigram = { type: 'Unigram', unk_id: 3, vocab: Object.keys(wordPieces.model.vocab).map((word) => [word, -1]) }
  it.each([
    ['WordLevel', wordPieces],
    ['Unigram', { ...wordPieces, model: unigram }],
  ])('%s: names tokens behind texts by its vocabulary, which transformers.js looks them up in', (_, json) => {
    const made = addBosToken(createTokenizer({ ...json, post_processor: after }, {}), 'w4')
    const { special_tokens } = (made['tokenizer.json'] as { post_processor: typeof after }).post_processor
    expect(special_tokens).toEqual({
      w2: { id: 'w2', ids: [2], tokens: ['w2'] },
      w4: { id: 'w4', ids: [4], tokens: ['w4'] },
    })
  })

  const files = (config: object, post_processor: object | null = null) => ({
    ...decoderFiles('decoder-qwen3'),
    'tokenizer.json': json({
      ...wordTokenizer(40),
      added_tokens: [{ id: 5, content: 'w5', special: true }],
      post_processor,
    }),
    'tokenizer_config.json': json(config),
  })
  const cls = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: 'w5', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { w5: { id: 'w5', ids: [5], tokens: ['w5'] } },
  }
  it.each<[string, object, object | null, OnnxModelOptions, RegExp]>([
    ['without one', {}, null, { add_bos_token: true }, /option add_bos_token: the tokenizer has no bos_token/],
    [
      'without it in its vocabulary',
      {},
      null,
      { add_bos_token: true, bos_token: '<s>' },
      /option bos_token: not a token of the vocabulary.*found "<s>"/,
    ],
    [
      'that starts texts with another',
      { bos_token: 'w1' },
      cls,
      { add_bos_token: true },
      /puts other tokens before each text.*found w5/,
    ],
    ['and a start token for nothing', {}, null, { bos_token: 'w1' }, /option bos_token: no token is put before texts/],
  ])('%s is refused', async (_, config, post_processor, options, message) => {
    const opening = openBase(files(config, post_processor), options)
    await expect(opening).rejects.toThrow(ConfigError)
    await expect(opening).rejects.toThrow(message)
  })
})

describe('a fine-tuned decoder', () => {
  const rows = ['w6 w7', 'w8 w9 w10', 'w6 w11', 'w8 w12'].map((text, i) => ({ text, label: i % 2 ? 'b' : 'a' }))
  const texts = rows.map(({ text }) => text)
  const run = { train: rows, epochs: 1, device: defaultDevice() } as const
  const plain = decoderFiles('decoder-qwen3')

  it('reads the start token in training, when it is opened again, and when it is exported', async () => {
    const written = { ...run, train: rows.map(({ text, label }) => ({ text: `w4 ${text}`, label })) }
    const expected = await fineTune(plain, written)
    const open = { add_bos_token: true, bos_token: 'w4' }
    const tuned = await fineTune(plain, { ...run, open })
    expect(tuned.training?.losses).toEqual(expected.training?.losses)
    const answers = await expected.classify(texts.map((text) => `w4 ${text}`))
    expect(await tuned.classify(texts)).toEqual(answers)
    await tuned.save(out('saved'))
    await tuned.export(out('exported'))
    await Promise.all([tuned.release(), expected.release()])

    expect((await readTokenizer(out('saved'))).encode('w6 w7')).toEqual([4, 6, 7])
    const opened = await loadFineTuned(out('saved'), { base: plain, device: defaultDevice() })
    expect(await opened.classify(texts)).toEqual(answers)
    await opened.release()
    const classifier = await loadClassifier(out('exported'), { device: defaultDevice() })
    const numbers = (of: readonly { probabilities: readonly number[] }[]) => of.flatMap((one) => one.probabilities)
    const exported = numbers(await classifier.classify(texts))
    for (const [i, value] of numbers(answers).entries()) expect(exported[i]).toBeCloseTo(value, 5)
    await classifier.release()
  })

  it('is opened by its own files, without ONNX too', async () => {
    const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
    const base = await openBase(embedded, { add_bos_token: true, bos_token: '[CLS]' })
    expect(base.tokenizer.files['tokenizer_config.json']).toMatchObject({ add_bos_token: true, bos_token: '[CLS]' })
    expect(base.tokenizer.encode('the girls')).toEqual((await openBase(embedded)).tokenizer.encode('the girls'))
    expect(base.origin).toEqual({ add_bos_token: true, bos_token: '[CLS]' })
  })
})
