import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { elements, float32, serializeSafetensors, type Tensor, tensorOf, toFloat32 } from '@cola/graph'
import { defaultDevice, openSession, OrtTensor, type OrtTensors } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { copyFolder, storeOf, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { reportLora } from '../../../../examples/support/report/lora-config.ts'
import {
  countParameters,
  formatParameters,
  gpt2,
  gpt2Parameters,
  gpt2Shapes,
  loadPretrained,
  lora,
  parseGpt2Config,
  randomGpt2,
  withPaddedInputs,
} from '../../src/index.ts'
import { small, config, model, embedded, logits } from '../support/padded-gpt2.ts'

const folder = temporaryFolders()

describe('GPT-2', () => {
  it.each([
    ['gpt2', 'total 125.03M | trainable 0.63M | reduction 99.50%'],
    ['gpt2-medium', 'total 356.40M | trainable 1.68M | reduction 99.53%'],
  ])('%s with LoRA at its projections, norms and head trained: %s', (name, expected) => {
    const real = parseGpt2Config(
      JSON.parse(readFileSync(join(import.meta.dirname, `../../../../tools/bench/configs/${name}.json`), 'utf8')),
    )
    expect(formatParameters(countParameters(lora(gpt2(real, randomGpt2(real)), reportLora)))).toBe(expected)
  })
  it('gives the same logits padded on the right, on the left, or not at all', async () => {
    const graph = withPaddedInputs(model())
    const right = await logits(
      graph,
      [
        [5, 6, 7, 0, 0],
        [8, 9, 1, 2, 3],
      ],
      [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1],
      ],
    )
    const left = await logits(
      graph,
      [
        [0, 0, 5, 6, 7],
        [8, 9, 1, 2, 3],
      ],
      [
        [0, 0, 1, 1, 1],
        [1, 1, 1, 1, 1],
      ],
    )
    const alone = await logits(graph, [[5, 6, 7]], [[1, 1, 1]])
    expect(left).toBeAllclose(right)
    expect(right.slice(0, 2)).toBeAllclose(alone)
  })
  it('with a cache: the logits of new tokens are those of the whole texts, padded on the left', async () => {
    const parameters = randomGpt2(config, { head: 'language-model', seed: 1 })
    const build = (cache: boolean) => withPaddedInputs(gpt2(config, parameters, { head: 'language-model', cache }))
    const ids = [[0, 0, 5, 6, 7].map(BigInt), [8, 9, 1, 2, 3].map(BigInt)]
    const int64 = (rows: bigint[][]) =>
      new OrtTensor('int64', BigInt64Array.from(rows.flat()), [2, rows[0]?.length ?? 0])
    const columns = (from: number, to: number) => int64(ids.map((row) => row.slice(from, to)))
    const mask = (to: number) => int64(ids.map((row) => row.slice(0, to).map((id) => (id === 0n ? 0n : 1n))))
    const whole = await openSession({ graph: build(false) }, defaultDevice())
    const right = (await whole.run({ input_ids: columns(0, 5), attention_mask: mask(5) })).logits?.data as Float32Array
    await whole.release()
    const graph = build(true)
    const caches = graph.inputs.filter((name) => name.startsWith('past_key_values.'))
    expect(caches).toEqual(['0.key', '0.value', '1.key', '1.value'].map((name) => `past_key_values.${name}`))
    const session = await openSession({ graph }, defaultDevice())
    let past: OrtTensors = Object.fromEntries(
      caches.map((name) => [name, new OrtTensor('float32', new Float32Array(), [2, 2, 0, 4])]),
    )
    const width = config.vocab_size
    for (const [from, to] of [
      [0, 3],
      [3, 4],
      [4, 5],
    ] as const) {
      const results = await session.run({ ...past, input_ids: columns(from, to), attention_mask: mask(to) })
      past = Object.fromEntries(
        caches.map((name) => [name, results[name.replace('past_key_values', 'present')] as OrtTensor]),
      )
      const { data, dims } = results.logits as OrtTensor
      expect(dims).toEqual([2, to - from, width])
      const last = (values: Float32Array, row: number, tokens: number, at: number) =>
        values.subarray((row * tokens + at) * width, (row * tokens + at + 1) * width)
      for (const row of [0, 1])
        expect(last(data as Float32Array, row, to - from, to - from - 1)).toBeAllclose(last(right, row, 5, to - 1), {
          atol: 1e-5,
        })
    }
    await session.release()
  })
  it('reads checkpoints without prefix, with mask buffers, in half precision, and in shards', async () => {
    const weights = randomGpt2(config, { seed: 2 })
    const plain = new Map(
      [...weights]
        .filter(([name]) => name !== 'score.weight')
        .map(([name, value]) => [name.replace('transformer.', ''), value]),
    )
    plain.set('h.0.attn.bias', float32([1, 1, 2, 2], [1, 0, 1, 1]))
    expect([...gpt2Parameters(plain, config).keys()]).toEqual([...gpt2Shapes(config, 'classification').keys()])
    for (const [dtype, rtol] of [
      ['float16', 1e-3],
      ['bfloat16', 8e-3],
      ['float64', 1e-7],
    ] as const) {
      const typed = new Map(
        [...weights].map(([name, value]) => [name, tensorOf(dtype, value.dims, [...toFloat32(value)])]),
      )
      const read = gpt2Parameters(typed, config)
      expect(new Set([...read.values()].map((value) => value.dtype))).toEqual(new Set(['float32']))
      for (const [name, value] of read)
        expect(toFloat32(value)).toBeAllclose(toFloat32(weights.get(name) as Tensor), { atol: 1e-6, rtol })
    }
    const sharded = folder('sharded')
    const names = [...weights.keys()]
    const parts = [names.slice(0, 5), names.slice(5)]
    for (const [i, part] of parts.entries()) {
      const tensors = new Map(part.map((name) => [name, weights.get(name) as Tensor]))
      storeOf(sharded).write(`part-${i}.safetensors`, [serializeSafetensors(tensors)])
    }
    writeText(
      sharded,
      'model.safetensors.index.json',
      JSON.stringify({
        weight_map: Object.fromEntries(parts.flatMap((part, i) => part.map((name) => [name, `part-${i}.safetensors`]))),
      }),
    )
    writeText(sharded, 'config.json', JSON.stringify(small))
    copyFolder(embedded, sharded, ['tokenizer.json', 'tokenizer_config.json'])
    const { model: loaded } = await loadPretrained(sharded)
    expect(elements(loaded.graph.initializers.get('score.weight') as Tensor)).toEqual(
      elements(weights.get('score.weight') as Tensor),
    )
  })
  it.each([
    ['a head count that does not divide', { ...small, n_head: 3 }, /field "n_head": does not divide/],
    ['another model type', { ...small, model_type: 'llama' }, /field "model_type"/],
    ['a missing field', { ...small, n_layer: undefined }, /field "n_layer"/],
    ['an activation it does not have', { ...small, activation_function: 'swish' }, /field "activation_function"/],
    [
      'labels that contradict each other',
      { ...small, num_labels: 3, id2label: { 0: 'a', 1: 'b' } },
      /contradicts id2label/,
    ],
  ])('refuses a config with %s', (_, json, message) => {
    expect(() => parseGpt2Config(json)).toThrow(message)
  })
  it('refuses weights that are missing or contradict the config', () => {
    const weights = randomGpt2(config)
    expect(() =>
      gpt2Parameters(new Map([...weights].filter(([name]) => !name.includes('h.1.mlp.c_fc'))), config),
    ).toThrow(/tensor "transformer\.h\.1\.mlp\.c_fc\.weight": missing/)
    expect(() => gpt2Parameters(weights, { ...config, n_embd: 16 })).toThrow(
      /wte\.weight": its shape contradicts config\.json, expected \[300,16\], found \[300,8\]/,
    )
  })
})
