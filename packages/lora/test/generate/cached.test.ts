// Decoders with the cache of their files: tokens of transformers (make-generation.py, tools/parity/make-decoders.py),
// batches, padding, options, adapters, streams.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFiles, type Random } from '@cola/data'
import { elements, type Model, type Tensor } from '@cola/graph'
import { FeedError, openSession, OrtTensor, readSafetensorsFile } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { greedyWhole } from '../../../../tools/greedy-whole.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  AdapterError,
  ConfigError,
  createGenerator,
  type GenerateOptions,
  type Generator,
  loadAdapter,
  merge,
  nextToken,
  readCachedModel,
  readOnnxModel,
  type SampleOptions,
  switchable,
  fineTune,
} from '../../src/index.ts'
import { decoderFiles, decoders } from '../support/decoder-files.ts'

const generation = join(import.meta.dirname, '../fixtures/generation')

type Config = Record<string, unknown> & { model_type: string }

interface Expected {
  prompts: number[][]
  greedy: number[][]
  penalized: number[][]
  sampling: { logits: number[]; text: number[]; cases: { options: SampleOptions; probabilities: number[] }[] }
}
const expected = JSON.parse(readFileSync(join(generation, 'expected.json'), 'utf8')) as Expected
const { prompts } = expected

const configOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Config

/** A decoder's file with its cache and without, and its adapter if there is one. */
async function decoder(folder: string, name: string) {
  const [files, config] = [await openFiles(folder), configOf(folder)]
  return { config, cached: readCachedModel(files, name, config) as Model, whole: readOnnxModel(files, name, config) }
}

async function using<T>(
  model: Parameters<typeof createGenerator>[0],
  options: Parameters<typeof createGenerator>[1],
  run: (generator: Generator) => Promise<T>,
): Promise<T> {
  const generator = await createGenerator(model, options)
  try {
    return await run(generator)
  } finally {
    await generator.release()
  }
}

const padded = (side: 'left' | 'right') => {
  const width = Math.max(...prompts.map(({ length }) => length))
  const pad = (row: readonly number[]) => {
    const rest = new Array<number>(width - row.length).fill(0)
    return side === 'left' ? [...rest, ...row] : [...row, ...rest]
  }
  return { ids: prompts.map(pad), attention_mask: prompts.map((row) => pad(row.map(() => 1))) }
}

describe('a cache that Concat joins', () => {
  const greedy: GenerateOptions = { max_new_tokens: 10, eos_token_id: 39 }

  it('gives transformers’ tokens for a batch, whose rows end at different times', async () => {
    const { cached, config } = await decoder(generation, 'model.onnx')
    await using(cached, { config }, async ({ generate }) => {
      const reasons: [string, number][] = []
      const onFinish = (reason: string, row: number) => reasons.push([reason, row])
      expect(await generate(prompts, { ...greedy, onFinish })).toEqual(expected.greedy)
      expect(reasons.sort(([, a], [, b]) => a - b)).toEqual(
        expected.greedy.map((row, i) => [row.length === 10 ? 'length' : 'stop', i]),
      )
      expect(await generate(prompts, { ...greedy, repetition_penalty: 1.5 })).toEqual(expected.penalized)
    })
  })

  it('gives the same for prompts one by one, and padded on the left or on the right', async () => {
    const { cached, config } = await decoder(generation, 'model.onnx')
    await using(cached, { config }, async ({ generate }) => {
      for (const [row, prompt] of prompts.entries())
        expect(await generate(prompt, greedy)).toEqual(expected.greedy[row])
      for (const side of ['left', 'right'] as const) {
        const { ids, attention_mask } = padded(side)
        expect(await generate(ids, { ...greedy, attention_mask })).toEqual(expected.greedy)
      }
      const [ids, attention_mask] = [
        [0, 0, 3],
        [0, 0, 1],
      ]
      expect(await generate(ids, { ...greedy, attention_mask })).toEqual(expected.greedy[3])
      await expect(generate(prompts, { attention_mask: [[1, 1]] })).rejects.toThrow(
        /option attention_mask: not of the shape of the prompts.*rows of \[5, 2, 4, 1\].*found \[2\]/,
      )
    })
  })
})

describe('batch_size', () => {
  it.each([
    ['a cache that Concat joins', generation, 'model.onnx'],
    ['GroupQueryAttention', join(decoders, 'decoder-qwen2'), 'onnx/model.onnx'],
    ['GroupQueryAttention with local windows', join(decoders, 'decoder-gemma2'), 'onnx/model.onnx'],
  ])('changes no token, while rows end and others begin: %s', async (_, folder, file) => {
    const { cached, config } = await decoder(folder, file)
    // Some prompts have one token, some more, and the texts end at different lengths.
    const many = Array.from({ length: 17 }, (_, i) => [3 + i, 9, 4 + i, 30, 5].slice(0, 1 + ((i * i) % 5)))
    const seed = many.map((_, i) => i)
    const options = { do_sample: true, temperature: 2, max_new_tokens: 12, eos_token_id: [3, 7, 11, 15, 19, 23] }
    await using(cached, { config }, async ({ generate }) => {
      const alone: number[][] = []
      for (const [i, prompt] of many.entries()) alone.push(await generate(prompt, { ...options, seed: i }))
      expect(new Set(alone.map(({ length }) => length)).size).toBeGreaterThan(4)
      for (const batch_size of [1, 3, 8, 100]) {
        const ended: number[] = []
        const onFinish = (_: string, row: number) => ended.push(row)
        expect(await generate(many, { ...options, seed, batch_size, onFinish })).toEqual(alone)
        expect(ended.sort((a, b) => a - b)).toEqual(seed)
      }
      await expect(generate(many, { ...options, batch_size: 0 })).rejects.toThrow(ConfigError)
    })
  })
})

const built = ['all-kv-heads', 'packed-mlp', 'qwen2', 'qwen3', 'phi3', 'gemma2', 'llama-int4']

describe.each(built)('GroupQueryAttention of %s', (name) => {
  const folder = join(decoders, `decoder-${name}`)
  const options: GenerateOptions = { max_new_tokens: 8, eos_token_id: [] }

  it('gives for a batch, padded on any side, what the graph without a cache gives for each prompt', async () => {
    const { cached, whole, config } = await decoder(folder, 'onnx/model.onnx')
    const right = await Promise.all(prompts.map((prompt) => greedyWhole(whole.graph, prompt, 8)))
    await using(cached, { config }, async ({ generate }) => {
      expect(await generate(prompts, options)).toEqual(right)
      for (const side of ['left', 'right'] as const) {
        const { ids, attention_mask } = padded(side)
        expect(await generate(ids, { ...options, attention_mask })).toEqual(right)
      }
    })
  })
})

describe('accuracy_level', () => {
  it('4 gives the tokens that the runtime gives with the file as it is', async () => {
    const folder = join(decoders, 'decoder-llama-int4')
    const { cached, config } = await decoder(folder, 'onnx/model.onnx')
    const encoded = { model: readFileSync(join(folder, 'onnx/model.onnx')), externalData: [] }
    const session = await openSession({ graph: cached.graph, encoded, packWeights: true }, 'cpu')
    const [name = '', ...names] = session.inputNames.filter((input) => input.startsWith('past_'))
    const [heads, , size] = (cached.graph.values.get(name)?.shape.slice(-3) ?? []) as number[]
    const empty = new OrtTensor('float32', new Float32Array(), [1, heads as number, 0, size as number])
    const pasts = Object.fromEntries([name, ...names].map((input) => [input, empty]))
    const many = Array.from({ length: 100 }, (_, i) => [3 + i, 5 + ((7 * i) % 90), 4 + ((11 * i) % 80)])
    const right: number[] = []
    for (const prompt of many) {
      const int64 = (values: readonly number[]) => new OrtTensor('int64', BigInt64Array.from(values, BigInt), [1, 3])
      const results = await session.run({ ...pasts, input_ids: int64(prompt), attention_mask: int64([1, 1, 1]) })
      const { data, dims } = results.logits as OrtTensor
      const last = (data as Float32Array).subarray(-(dims[2] as number))
      right.push(last.indexOf(Math.max(...last)))
    }
    await session.release()
    const one = { max_new_tokens: 1, eos_token_id: [] }
    const tokens = (accuracy_level: 0 | 4) =>
      using(cached, { config, accuracy_level }, async ({ generate }) => (await generate(many, one)).flat())
    expect(await tokens(4)).toEqual(right)
    // In float32 three of a hundred are others.
    expect(await tokens(0)).not.toEqual(right)
    await expect(createGenerator(cached, { config, accuracy_level: 3 as never })).rejects.toThrow(/accuracy_level/)
  })
})

// The greedy tokens of gemma2 are the same with the adapter and without.
describe.each(built.filter((name) => name !== 'gemma2'))('adapters on %s', (name) => {
  const folder = join(decoders, `decoder-${name}`)
  const options: GenerateOptions = { max_new_tokens: 8, eos_token_id: [] }

  it('switches adapters between requests', async () => {
    const { cached, config } = await decoder(folder, 'onnx/model.onnx')
    const adapter = readAdapter(join(folder, 'adapter'))
    const read = (file: string) => readSafetensorsFile(join(folder, `${file}.safetensors`)).tensors
    const numbers = (tensor: Tensor | undefined) => Array.from(elements(tensor as Tensor) as BigInt64Array, Number)
    const [ids, greedy] = [numbers(read('inputs').get('input_ids')), numbers(read('expected').get('greedy'))]
    const few = { ...options, max_new_tokens: greedy.length }
    const prompt = ids.slice(0, 3)
    const base = await using(cached, { config }, ({ generate }) => generate(prompt, few))
    expect(base).not.toEqual(greedy)
    expect(
      await using(merge(loadAdapter(cached, adapter)), { config }, ({ generate }) => generate(prompt, few)),
    ).toEqual(greedy)
    await using(switchable(cached, { ours: adapter }), { config }, async ({ generate }) => {
      expect(await generate(prompt, { ...few, adapter: 'ours' })).toEqual(greedy)
      expect(await generate(prompt, few)).toEqual(base)
      expect(await generate([prompt, prompt], { ...few, adapter: 'ours' })).toEqual([greedy, greedy])
      expect(await generate(prompt, { ...few, adapter: 'ours', adapter_scale: 0 })).toEqual(base)
      await expect(generate(prompt, { adapter: 'theirs' })).rejects.toThrow(AdapterError)
    })
  })
})

describe('options', () => {
  const folder = join(decoders, 'decoder-qwen2')
  const open = () => decoder(folder, 'onnx/model.onnx')
  const sampled: GenerateOptions = { do_sample: true, temperature: 1.5, max_new_tokens: 8, eos_token_id: [] }

  it.each(expected.sampling.cases)('$options: transformers’ probabilities', ({ options, probabilities }) => {
    const draws = 4000
    const counts = new Array<number>(probabilities.length).fill(0)
    for (let i = 0; i < draws; i++) {
      // Each draw is the middle of one of as many equal parts of [0, 1).
      const stream = { uniform: () => (i + 0.5) / draws } as Random
      const logits = Float32Array.from(expected.sampling.logits)
      const id = nextToken(logits, { do_sample: true, ...options }, stream, expected.sampling.text)
      counts[id] = (counts[id] as number) + 1
    }
    expect(counts.map((count) => count / draws)).toBeAllclose(probabilities, { atol: 1.01 / draws })
  })

  it('draw rows of a batch by seed, alone or together', async () => {
    const { cached, config } = await open()
    await using(cached, { config }, async ({ generate }) => {
      const seed = [4, 5, 6, 7]
      const together = await generate(prompts, { ...sampled, seed })
      for (const [row, prompt] of prompts.entries())
        expect(await generate(prompt, { ...sampled, seed: seed[row] as number })).toEqual(together[row])
      const same = await generate(
        [
          [5, 6],
          [5, 6],
        ],
        { ...sampled, seed: 3 },
      )
      expect(same[0]).not.toEqual(same[1])
      expect(
        await generate(
          [
            [5, 6],
            [5, 6],
          ],
          { ...sampled, seed: 3 },
        ),
      ).toEqual(same)
      expect(await generate([5, 6], { ...sampled, seed: 3 })).toEqual(same[0])
      await expect(generate(prompts, { ...sampled, seed: [1] })).rejects.toThrow(/seed: not a seed for each row/)
    })
  })

  it('end at a stop string that lies across tokens', async () => {
    const { cached, config } = await open()
    const tokenizer = { decode: (ids: readonly number[]) => ids.map((id) => `<${id}>`).join('') }
    await using(cached, { config, tokenizer }, async ({ generate }) => {
      const all = await generate(prompts, sampled)
      const [row = [], other = []] = all
      const stop = `${row[2]}><${row[3]}`
      const stopped = await generate(prompts, { ...sampled, stop_strings: ['never', stop] })
      expect(stopped[0]).toEqual(row.slice(0, 4))
      const alone = await generate(prompts[1] as number[], { ...sampled, stop_strings: `<${other[0]}>` })
      expect(alone.length).toBeGreaterThan(0)
    })
    await using(cached, { config }, async ({ generate }) => {
      await expect(generate([5], { stop_strings: 'x' })).rejects.toThrow(
        /stop_strings.*Give createGenerator the tokenizer/,
      )
    })
  })

  it('are checked, with the prompts', async () => {
    const { cached, whole, config } = await open()
    await using(cached, { config }, async ({ generate }) => {
      await expect(generate([[5], []])).rejects.toThrow(/prompt 2: no tokens/)
      await expect(generate([5, 40])).rejects.toThrow(FeedError)
      await expect(generate(Array.from({ length: 32 }, () => 5))).rejects.toThrow(/position table.*fewer than 32/)
      for (const wrong of [
        { min_p: 2 },
        { repetition_penalty: 0 },
        { stop_strings: [''] },
        { adapter: 'a' },
      ] as object[])
        await expect(generate([5], wrong)).rejects.toThrow(ConfigError)
    })
    await expect(createGenerator(whole, { config })).rejects.toThrow(/it keeps no keys and values/)
    const values = new Map(cached.graph.values)
    const name = 'past_key_values.0.key'
    values.set(name, { name, dtype: 'float32', shape: ['batch', 1, 'past', 'size'] })
    const symbolic = { ...cached, graph: { ...cached.graph, values } }
    await expect(createGenerator(symbolic, { config })).rejects.toThrow(/past_key_values.0.key".*heads of the cache/)
  })
})

describe('a stream', () => {
  it('gives the tokens as they come, and may be broken off', async () => {
    const { cached, config } = await decoder(generation, 'model.onnx')
    await using(cached, { config }, async ({ generate, stream }) => {
      const options = { max_new_tokens: 10, eos_token_id: 39 }
      const rows = prompts.map((): number[] => [])
      for await (const { row, id } of stream(prompts, options)) rows[row]?.push(id)
      expect(rows).toEqual(expected.greedy)
      const seen: number[] = []
      const finished: string[] = []
      for await (const { id } of stream(prompts[2] as number[], {
        ...options,
        onFinish: (why) => finished.push(why),
      })) {
        seen.push(id)
        if (seen.length === 3) break
      }
      expect(seen).toEqual(expected.greedy[2]?.slice(0, 3))
      expect(finished).toEqual([])
      expect(await generate(prompts, options)).toEqual(expected.greedy)
    })
  })
})

describe('a fine-tuned decoder', () => {
  it('generates with its adapter: batches, streams, stop strings', async () => {
    const train = ['w4 w5 w6 w7', 'w8 w9 w10', 'w11 w12 w13 w14 w15'].map((text) => ({ text }))
    const tuned = await fineTune(decoderFiles('decoder-llama-int4'), {
      task: 'CAUSAL_LM',
      train,
      epochs: 2,
      learning_rate: 0.05,
      lora: { r: 2, target_modules: 'all-linear' },
      device: 'cpu',
    })
    try {
      const options = { max_new_tokens: 6, eos_token_id: [] }
      const prompt = [5, 6, 7]
      const right = await greedyWhole((await tuned.adapted()).graph, prompt, 6)
      // The model has more tokens than the tokenizer, whose unknown token stands for the others.
      const words = right.map((id) => tuned.tokenizer.decode([id]))
      expect(await tuned.generate('w5 w6 w7', options)).toBe(` ${words.join(' ')}`)
      const heard: [string, number][] = []
      const onToken = (_: number, text: string, row: number) => heard.push([text, row])
      const both = await tuned.generate(['w9', 'w5 w6 w7'], { ...options, onToken })
      expect(both[1]).toBe(` ${words.join(' ')}`)
      expect(heard.filter(([, row]) => row === 1).at(-1)).toEqual([both[1], 1])
      const pieces: string[] = []
      for await (const piece of tuned.stream('w5 w6 w7', options)) pieces.push(piece)
      expect(pieces.length).toBeGreaterThan(1)
      expect(pieces.join('')).toBe(both[1])
      // A stop string that begins within one token and ends within another is not part of the text.
      const stop = `${words[2]?.slice(1)} ${words[3]?.slice(0, 2)}`
      const stopped = (both[1] as string).slice(0, (both[1] as string).indexOf(stop))
      expect(await tuned.generate('w5 w6 w7', { ...options, stop_strings: stop })).toBe(stopped)
      const streamed: string[] = []
      for await (const piece of tuned.stream('w5 w6 w7', { ...options, stop_strings: [stop] })) streamed.push(piece)
      expect(streamed.join('')).toBe(stopped)
      // Prompts without end: as many are asked for as there is place.
      let asked = 0
      const endless = function* (end = Number.POSITIVE_INFINITY) {
        while (asked < end) yield asked++ % 2 === 0 ? 'w5 w6 w7' : 'w9'
      }
      const found: string[] = []
      for await (const { row, text, reason } of tuned.streamTexts(endless(), { ...options, batch_size: 4 })) {
        expect(reason).toBe('length')
        expect(text).toBe(both[1 - (row % 2)])
        if (found.push(text) === 10) break
      }
      expect(asked).toBeLessThanOrEqual(14)
      asked = 0
      const unset = { ...options, batch_size: undefined } as never
      for await (const _ of tuned.streamTexts(endless(100), unset)) break
      expect(asked).toBe(32)
    } finally {
      await tuned.release()
    }
  })
})
