// Texts and conversations in, texts out: prompts of every kind, pieces of whole characters, what is refused.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChatMessage, createTokenizer, DataError } from '@cola/data'
import { FeedError } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ConfigError,
  createGenerator,
  type Generator,
  gpt2,
  type GeneratedPiece,
  parseGpt2Config,
  randomGpt2,
} from '../../src/index.ts'
import { textGenerator } from '../../src/generate/text-generator.ts'
import { parsed } from '../support/decoder-files.ts'
import { cases, chat_template, embeddedFiles } from '../support/embedded-files.ts'

const config = parseGpt2Config({
  ...{ model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 16, n_positions: 512, vocab_size: 231 },
  initializer_range: 0.5,
})
const model = gpt2(config, randomGpt2(config, { seed: 4, head: 'language-model' }), {
  head: 'language-model',
  cache: true,
})
const tokenizerOf = (more: object = {}) => {
  const files = embeddedFiles(more)
  return createTokenizer(parsed(files['tokenizer.json'] as Uint8Array), {
    ...parsed(files['tokenizer_config.json'] as Uint8Array),
    model_max_length: 512,
  })
}
const tokenizer = tokenizerOf({ chat_template })
const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
const ended = { max_new_tokens: 8, eos_token_id: [] }
const conversation: ChatMessage[] = [{ role: 'user', content: 'the girls' }]

let generator: Generator
/** New tokens of a call for one text. */
async function idsOf(prompt: string | readonly ChatMessage[]): Promise<number[]> {
  const ids: number[] = []
  await generator.generate(prompt, { ...ended, onToken: (id) => ids.push(id) })
  return ids
}
beforeAll(async () => {
  generator = await createGenerator(model, { config, tokenizer })
})
afterAll(() => generator.release())

describe('a prompt', () => {
  it('of token ids gives token ids; a text, or a conversation, gives a text; several give as many', async () => {
    const ids = tokenizer.buildInputs(encode('the girls')).input_ids.slice(0, 3)
    const tokens = await generator.generate(ids, ended)
    const text = tokenizer.decode([...ids, ...tokens]).slice(tokenizer.decode(ids).length)
    expect(tokens).toHaveLength(8)
    expect(await generator.generate([ids, ids.slice(0, 2)], ended)).toEqual([
      tokens,
      await generator.generate(ids.slice(0, 2), ended),
    ])
    expect(await generator.generate('the girls', ended)).toBe(text)
    const texts = ['the girls', 'a', conversation, 'the boys laugh loudly']
    const each: string[] = []
    for (const one of texts) each.push(await generator.generate(one, ended))
    expect(await generator.generate(texts, ended)).toEqual(each)
    expect(await generator.generate(['the girls'], ended)).toEqual([text])
  })

  it('of messages has the tokens that transformers gives TRL’s SFTTrainer', async () => {
    const answers = cases.filter(({ form, options }) => form === 'answer' && Object.keys(options).length === 0)
    const pairs = answers.flatMap(({ rows, examples }) => examples.map((example, i) => [rows[i], example] as const))
    expect(pairs.length).toBeGreaterThan(0)
    for (const [row, { input_ids, labels }] of pairs) {
      const { prompt } = row as { prompt: ChatMessage[] }
      const ids = input_ids.slice(0, labels.lastIndexOf(-100) + 1)
      expect(await idsOf(prompt)).toEqual(await generator.generate(ids, ended))
    }
  })

  const { conversations, templates } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../data/test/fixtures/chat-templates.json'), 'utf8'),
  ) as {
    conversations: ChatMessage[][]
    templates: Record<string, { template: string; texts: [string | null, string | null][] }>
  }
  it.each(Object.entries(templates))(
    'of messages is what transformers writes by %s',
    async (_, { template, texts }) => {
      // The special tokens of the fixtures, which the templates write.
      const special = { bos_token: '<s>', eos_token: '</s>', unk_token: 'a' }
      const templated = tokenizerOf({ ...special, chat_template: template })
      const other = await createGenerator(model, { config, tokenizer: templated })
      let tried = 0
      for (const [i, messages] of conversations.entries()) {
        const right = texts[i]?.[1] ?? ''
        if (right === '' || encode(right).length > 400) continue
        const heard: number[] = []
        await other.generate(messages, { ...ended, onToken: (id) => heard.push(id) })
        expect(heard).toEqual(await generator.generate(encode(right), ended))
        tried++
      }
      await other.release()
      expect(tried).toBeGreaterThan(0)
    },
  )

  it('ends at the tokenizer’s end token, and at those of config.json', async () => {
    const [ids, few] = [encode('the girls'), { max_new_tokens: 8 }]
    const tokens = await generator.generate(ids, few)
    const third = tokens[2] as number
    const before = tokens.slice(0, tokens.indexOf(third))
    const { model: bpe } = parsed(embeddedFiles()['tokenizer.json'] as Uint8Array) as { model: { vocab: object } }
    const word = Object.entries(bpe.vocab).find(([, id]) => id === third)?.[0] as string
    for (const options of [
      { config, tokenizer: tokenizerOf({ eos_token: word }) },
      { config: { ...config, eos_token_id: third }, tokenizer },
      { config: { ...config, eos_token_id: [230, third] } },
    ]) {
      const other = await createGenerator(model, options)
      expect(await other.generate(ids, few)).toEqual(before)
      await other.release()
    }
  })
})

describe('a stream', () => {
  it('of token ids gives tokens, of a text its pieces, and of several each with its row', async () => {
    const ids = encode('the girls')
    const tokens: number[] = []
    for await (const { row, id } of generator.stream(ids, ended)) tokens[tokens.length + row] = id
    expect(tokens).toEqual(await generator.generate(ids, ended))
    const texts = ['the girls', conversation, 'a']
    const pieces: GeneratedPiece[] = []
    for await (const piece of generator.stream(texts, ended)) pieces.push(piece)
    const joined = texts.map((_, i) =>
      pieces
        .filter(({ row }) => row === i)
        .map(({ text }) => text)
        .join(''),
    )
    expect(joined).toEqual(await generator.generate(texts, ended))
    expect(new Set(pieces.slice(0, 3).map(({ row }) => row)).size).toBeGreaterThan(1)
    const one: string[] = []
    for await (const piece of generator.stream(conversation, ended)) one.push(piece)
    expect(one.join('')).toBe(joined[1])
    expect(one.length).toBeGreaterThan(1)
    const whole: string[] = []
    for await (const { row, text } of generator.streamTexts(texts, ended)) whole[row] = text
    expect(whole).toEqual(joined)
  })

  /** A model that says what it is told, a byte a token; 256 ends a text. */
  function saying(...answers: readonly string[]) {
    const said = answers.map((answer) => [...new TextEncoder().encode(answer), 256])
    const decode = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids))
    const bytes = { decode, encode: (text: string) => [...new TextEncoder().encode(text)] }
    const buildInputs = (ids: readonly number[]) => ({ input_ids: [...ids], start: 0 })
    const format = { tokenizer: { ...bytes, buildInputs } as never, start: [], eos_token_id: [256] }
    const logits = async (texts: ReadonlyMap<number, readonly number[]>) =>
      new Map(
        [...texts].map(([row, text]) => {
          const scores = new Float32Array(257)
          scores[said[row]?.[text.length - 1] as number] = 1
          return [row, scores] as const
        }),
      )
    const limits = { vocab_size: 257, max_length: 99 }
    return textGenerator((options) => [
      { format: { ...format, chat_template: undefined }, limits, start: async () => ({ logits }) },
      options,
    ])
  }
  const long = { max_new_tokens: 40 }

  it('gives whole characters, whatever bytes its tokens have', async () => {
    const [first, second] = ['é😀a日本', 'ü']
    const pieces: string[] = []
    for await (const piece of saying(first).stream('x', long)) pieces.push(piece)
    expect(pieces).toEqual([...first])
    const rows: [number, string][] = []
    for await (const { row, text } of saying(first, second).stream(['x', 'y'], long)) rows.push([row, text])
    expect(rows.filter(([row]) => row === 0).map(([, text]) => text)).toEqual([...first])
    expect(rows.filter(([row]) => row === 1)).toEqual([[1, 'ü']])
  })

  it('gives what it kept back for a stop string when a row ends, before the others end', async () => {
    const events: [number, string][] = []
    const options = { ...long, stop_strings: 'b.d' }
    for await (const { row, text } of saying('ab.', 'xxxxb.dx').stream(['x', 'y'], options)) events.push([row, text])
    expect(events.filter(([row]) => row === 0)).toEqual([
      [0, 'a'],
      [0, 'b.'],
    ])
    expect(events.filter(([row]) => row === 1).map(([, text]) => text)).toEqual(['x', 'x', 'x', 'x'])
    expect(events.findIndex(([, text]) => text === 'b.')).toBeLessThan(events.length - 1)
  })
})

describe('what is refused', () => {
  it('texts without a tokenizer, or with one that only decodes', async () => {
    for (const more of [{}, { tokenizer: { decode: () => '' } }]) {
      const bare = await createGenerator(model, { config, ...more })
      for (const prompt of ['the girls', conversation, ['the girls']] as string[]) {
        await expect(bare.generate(prompt)).rejects.toThrow(ConfigError)
        await expect(bare.generate(prompt)).rejects.toThrow(
          /are read by a tokenizer.*Give createGenerator the tokenizer/,
        )
        await expect(bare.stream(prompt).next()).rejects.toThrow(/are read by a tokenizer/)
      }
      await expect(bare.streamTexts(['a']).next()).rejects.toThrow(/are read by a tokenizer/)
      await bare.release()
    }
  })

  it('messages without a chat template, and what are no messages', async () => {
    const plain = await createGenerator(model, { config, tokenizer: tokenizerOf() })
    await expect(plain.generate(conversation)).rejects.toThrow(/chat_template: the tokenizer has none.*chat_template/)
    await plain.release()
    for (const wrong of [[{ role: 'user' }], [{ content: 'a' }], 7, null, { role: 'user', content: 'a' }])
      await expect(generator.generate(wrong as never)).rejects.toThrow(DataError)
  })

  it.each([
    [['the girls', null]],
    [['the girls', conversation, { role: 'user', content: 'a' }]],
    [['the girls', 'a', 'the boys', 7]],
  ])('the prompt of several that is neither a text nor messages: %j', async (prompts) => {
    const place = `^prompt ${prompts.length}: neither a text nor messages, expected a string, or an array of { role, content }`
    await expect(generator.generate(prompts as never)).rejects.toThrow(DataError)
    await expect(generator.generate(prompts as never)).rejects.toThrow(new RegExp(place))
    await expect(generator.stream(prompts as never).next()).rejects.toThrow(new RegExp(place))
    await expect(generator.streamTexts(new Set<unknown>(prompts) as never, ended).next()).rejects.toThrow(
      new RegExp(place),
    )
  })

  it('a prompt that is neither a text nor messages, and the message of a conversation', async () => {
    await expect(generator.generate(7 as never)).rejects.toThrow(/^prompt: neither a text nor messages.*found 7/)
    const wrong = [{ role: 'user', content: 'a' }, { role: 'assistant' }]
    await expect(generator.generate(wrong as never)).rejects.toThrow(/^prompt, message 2: not a text/)
    await expect(generator.generate(['a', wrong] as never)).rejects.toThrow(/^prompt 2, message 2: not a text/)
  })

  it('the conversation of several that the template refuses', async () => {
    const refusing = await createGenerator(model, {
      config,
      tokenizer: tokenizerOf({
        chat_template: "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}the girls",
      }),
    })
    const prompts = [conversation, [{ role: 'system', content: 'a' }]]
    await expect(refusing.generate(prompts)).rejects.toThrow(/^prompt 2, chat_template: .*no system/)
    await refusing.release()
  })

  it.each([
    [[[5], 'the girls'], /prompt 2: of another kind.*expected token ids, found a text/],
    [['the girls', [5]], /prompt 2: of another kind.*expected a text, found token ids/],
    [[[], [5], conversation], /prompt 3: of another kind.*expected token ids, found messages/],
  ])('kinds that are mixed: %j', async (prompts, message) => {
    await expect(generator.generate(prompts as never)).rejects.toThrow(FeedError)
    await expect(generator.generate(prompts as never)).rejects.toThrow(message)
    await expect(generator.stream(prompts as never).next()).rejects.toThrow(message)
  })

  it('an empty text where no token starts one', async () => {
    const files = embeddedFiles()
    const bare = { ...parsed(files['tokenizer.json'] as Uint8Array), post_processor: null }
    const other = await createGenerator(model, { config, tokenizer: createTokenizer(bare, {}) })
    await expect(other.generate('')).rejects.toThrow(/prompt: no tokens. Give a text/)
    await expect(other.generate(['a', ''])).rejects.toThrow(/prompt 2: no tokens/)
    await other.release()
    const started = await createGenerator(model, { config, tokenizer: createTokenizer(bare, { bos_token: '[CLS]' }) })
    expect(await started.generate('', ended)).toBe(await generator.generate('', ended))
    await started.release()
  })

  it('an adapter where there are none, and options of token ids for texts', async () => {
    await expect(generator.generate('a', { adapter: 'poet' })).rejects.toThrow(
      /no adapters to choose from.*openGenerator/,
    )
    await expect(generator.generate('a', { attention_mask: [1] } as object)).rejects.toThrow(ConfigError)
  })
})

/** All that a stream gives. */
async function all<Value>(stream: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = []
  for await (const value of stream) values.push(value)
  return values
}

describe('a model that opens for its first text', () => {
  const limits = { vocab_size: 231, max_length: 512 }
  const opening = () => {
    let opened = 0
    const start = async () => {
      opened++
      throw new Error('opened')
    }
    const format = { tokenizer, start: [], eos_token_id: [], chat_template: undefined }
    return { ...textGenerator((options) => [{ format, limits, start }, options]), opened: () => opened }
  }

  it('does not open for a signal that has fired, nor for no texts', async () => {
    const { generate, stream, streamTexts, opened } = opening()
    const signal = AbortSignal.abort(new Error('the reader has left'))
    for (const call of [
      () => generate('a', { signal }),
      () => generate(['a', 'b'], { signal }),
      () => stream('a', { signal }).next(),
      () => streamTexts(['a'], { signal }).next(),
    ])
      await expect(call()).rejects.toBe(signal.reason)
    expect(await generate([])).toEqual([])
    expect(await all(stream([]))).toEqual([])
    expect(await all(streamTexts([]))).toEqual([])
    expect(opened()).toBe(0)
    await expect(generate('a', { signal: new AbortController() as never })).rejects.toThrow(/controller\.signal/)
    expect(opened()).toBe(0)
    await expect(generate('a', {})).rejects.toThrow('opened')
  })
})
