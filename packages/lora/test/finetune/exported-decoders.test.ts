// Exported decoders, run as other programs run them, go on as transformers does with PEFT's adapter.

import { defaultDevice } from '@cola/train'
import { join } from 'node:path'
import { decodeGraph } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { folderAt, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { fineTune, loadFineTuned } from '../../src/index.ts'
import { decoderFiles, decoders, json, parsed, read } from '../support/decoder-files.ts'
import { decoded, ofPeft, greedyRun } from '../support/exported-decoder.ts'
import { embedded } from '../support/padded-gpt2.ts'

const out = temporaryFolders()

const names = ['qwen2', 'qwen3', 'phi3', 'gemma2', 'llama-int4', 'lfm2', 'lfm2-concat'].map((name) => `decoder-${name}`)
const configOf = (name: string) => parsed(read(join(decoders, name, 'config.json')))
const filesOf = (name: string) => decoderFiles(name, configOf(name).vocab_size as number)
const withAdapter = (name: string, more: Record<string, Uint8Array> = {}) =>
  loadFineTuned(folderAt(join(decoders, name, 'adapter')), { task: 'CAUSAL_LM', base: { ...filesOf(name), ...more } })
const greatest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)

describe('an exported decoder', () => {
  it.each(names)('%s: goes on as transformers does with PEFT’s adapter', async (name) => {
    const tuned = await withAdapter(name)
    const { prompt, greedy, text, logits: expected } = ofPeft(name)
    for (const layout of ['flat', 'hub'] as const) {
      const folder = out(`${name}-${layout}`)
      const { file } = await tuned.export(folder, { dtype: 'float32', layout })
      const { tokens, logits } = await greedyRun(folder, prompt, greedy.length, { file })
      expect(tokens, layout).toEqual(greedy)
      // Tokens that lie in the cache, and those of one run: of a text of seven tokens, past Gemma 2's window of four.
      const [last] = (await greedyRun(folder, [...prompt, ...greedy.slice(0, -1)], 1, { file })).logits
      expect(logits.at(-1)).toBeAllclose(last as Float32Array, { atol: 1e-5 })
      const [ofText] = (await greedyRun(folder, text, 1, { file })).logits
      expect(ofText).toBeAllclose(expected, { atol: 1e-4 })
    }
    await tuned.release()
  })

  const gpt2 = async () => {
    const train = ['does the cat sleep ?', 'do the girls laugh ?'].map((text) => ({ text }))
    const tuned = await fineTune(embedded, {
      task: 'CAUSAL_LM',
      train,
      epochs: 8,
      learning_rate: 1e-2,
      device: defaultDevice(),
    })
    return { tuned, text: 'does the' }
  }
  const llama = async () => {
    const name = 'decoder-llama-int4'
    const tuned = await withAdapter(name)
    return { tuned, text: tuned.tokenizer.decode(ofPeft(name).prompt) }
  }

  it.each([
    ['with attention of the runtime', llama],
    ['GPT-2', gpt2],
  ] as const)('%s, in float16: the tokens of float32, by logits within what is rounded', async (name, open) => {
    const { tuned, text } = await open()
    const { tokenizer } = tuned
    const right = await tuned.generate(text, { max_new_tokens: 6, eos_token_id: [] })
    const prompt = tokenizer.encode(text)
    const run = async (dtype: 'float32' | 'float16') => {
      const folder = out(`${name}-${dtype}`)
      const { file } = await tuned.export(folder, { dtype, layout: 'hub' })
      const { tokens, logits } = await greedyRun(folder, prompt, 6, { file })
      expect(tokenizer.decode([...prompt, ...tokens]), dtype).toBe(`${text}${right}`)
      return { ...decoded(folder, file), logits: logits.flatMap((row) => [...row]) }
    }
    const [whole, half] = [await run('float32'), await run('float16')]
    await tuned.release()
    const matrices = [...half.initializers.values()].filter(({ dtype }) => dtype === 'float16').length
    expect(matrices).toBeGreaterThan(8)
    // A number moves by 2^-11 of it at most; of the sums over rows the errors average out, those of layers add up.
    const error = greatest(half.logits.map((value, i) => value - (whole.logits[i] as number)))
    expect(error).toBeGreaterThan(0)
    expect(error).toBeLessThan(2 ** -10 * greatest(whole.logits))
  })
})

describe('a decoder whose file keeps the keys and values of a window', () => {
  const window = { window_size: 4, slide_key_value_cache: false, slide_inputs: false, layers: [0] }
  const genai = (sliding_window: object) =>
    json({ model: { type: 'gemma2', decoder: { filename: 'model.onnx', sliding_window } } })
  const windowed = ({ nodes }: ReturnType<typeof decoded>) =>
    nodes.filter(({ attributes }) => attributes.sliding_window_cache === 1).length

  it('is written with a cache that grows, here and in onnxruntime-genai', async () => {
    const name = 'decoder-gemma2'
    expect(windowed(decodeGraph(filesOf(name)['onnx/model.onnx']))).toBe(1)
    const tuned = await withAdapter(name, { 'genai_config.json': genai(window) })
    const folder = out('growing')
    await tuned.export(folder)
    await tuned.release()
    const graph = decoded(folder)
    expect(windowed(graph)).toBe(0)
    expect(graph.nodes.map(({ attributes }) => attributes.local_window_size).filter((size) => size === 4)).toEqual([4])
    expect(parsed(storeOf(folder).read('genai_config.json'))).toEqual({
      model: { type: 'gemma2', decoder: { filename: 'model.onnx' } },
    })
  })

  it('keeps onnxruntime-genai’s window where the file’s cache has all tokens', async () => {
    const tuned = await withAdapter('decoder-qwen2', { 'genai_config.json': genai(window) })
    const folder = out('kept')
    await tuned.export(folder)
    await tuned.release()
    expect(parsed(storeOf(folder).read('genai_config.json'))).toMatchObject({
      model: { decoder: { sliding_window: window } },
    })
  })
})
