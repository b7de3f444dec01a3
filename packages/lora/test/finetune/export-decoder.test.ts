// Fine-tuned decoders go out in the form of their files, and generate there what they generate here.

import { join } from 'node:path'
import { memorySink, openFiles, filesOf } from '@cola/data'
import {
  addInitializer,
  build,
  decodeGraph,
  type Graph,
  lower,
  packMatrices,
  quantizeProducts,
  type Tensor,
  toFloat32,
  type Value,
  writeModel,
  parseSafetensors,
} from '@cola/graph'
import { defaultDevice, writeModelFolder } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { type Folder, folderAt, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  ColaError,
  ConfigError,
  createGenerator,
  exportAdapters,
  fineTune,
  type FineTuned,
  inspect,
  lora,
  openBase,
  readCachedModel,
  readOnnxModel,
} from '../../src/index.ts'
import { quantizeMatrix } from '../../../graph/src/tensor/quantize-matrix.ts'
import { decoderToWrite, inFormOf } from '../../src/finetune/export-decoder.ts'
import { inBitsOf } from '../../src/onnx/requantize.ts'
import type { CachedModel } from '../../src/onnx/read.ts'
import { exportFolder } from '../support/export-folder.ts'
import { decoded, greedy, ofPeft } from '../support/exported-decoder.ts'
import { embedded } from '../support/padded-gpt2.ts'
import { decoderFiles, decoders, json, parsed, read } from '../support/decoder-files.ts'

const out = temporaryFolders()

/** A repository with a decoder of the builder, and a tokenizer of whole words. */
function files(name: string) {
  const config = parsed(read(join(decoders, name, 'config.json')))
  return {
    ...decoderFiles(name, config.vocab_size as number),
    'config.json': json({ ...config, 'transformers.js_config': { kv_cache_dtype: { fp16: 'float16' }, dtype: 'q4' } }),
    'genai_config.json': json({ model: { type: 'llama', decoder: { filename: 'model.onnx', hidden_size: 64 } } }),
    'generation_config.json': json({ eos_token_id: 2 }),
  }
}

const tune = (source: Parameters<typeof fineTune>[0]): Promise<FineTuned<'CAUSAL_LM'>> =>
  fineTune(source, {
    task: 'CAUSAL_LM',
    train: ['w4 w5 w6 w7', 'w8 w9 w10', 'w11 w12 w13 w14 w15'].map((text) => ({ text })),
    epochs: 2,
    learning_rate: 0.05,
    lora: { r: 2, target_modules: ['q_proj', 'v_proj', 'down_proj'] },
    device: defaultDevice(),
  })

const count = ({ nodes }: Graph, opType: string) => nodes.filter((node) => node.opType === opType).length

const prompt = [5, 6, 7]
const options = { max_new_tokens: 6, eos_token_id: [] }

const textOf = (ids: readonly number[]): string => ids.map((id) => ` w${id}`).join('')

/** What products with matrices in 4 bits may round to. */
const levels = ({ nodes }: Graph) => [
  ...new Set(
    nodes.flatMap(({ opType, attributes }) => (opType === 'MatMulNBits' ? [attributes.accuracy_level ?? 0] : [])),
  ),
]

/** Greedy text of an exported folder. */
async function written(folder: Folder): Promise<string> {
  const base = await openBase(folder)
  const generator = await createGenerator(
    base.cachedLanguageModel() as NonNullable<ReturnType<typeof base.cachedLanguageModel>>,
    { config: base.config },
  )
  const ids = await generator.generate(prompt, options)
  await generator.release()
  return textOf(ids)
}

describe('the export of a decoder', () => {
  it.each(['decoder-qwen2', 'decoder-gemma2'])('%s: fused attention and cache, in float32 or float16', async (name) => {
    const tuned = await tune(files(name))
    const folder = out(name)
    await tuned.export(folder)
    const right = await tuned.generate('w5 w6 w7', options)
    expect(await written(folder)).toBe(right)
    expect(textOf(await greedy(folder, prompt, options.max_new_tokens))).toBe(right)
    const half = out(`${name}-half`)
    await tuned.export(half, { dtype: 'float16', layout: 'hub' })
    await tuned.release()

    const original = decodeGraph(files(name)['onnx/model.onnx'])
    for (const graph of [decoded(folder), decoded(half, 'onnx/model_fp16.onnx')]) {
      expect([...graph.inputs].sort()).toEqual([...original.inputs].sort())
      expect([...graph.outputs].sort()).toEqual([...original.outputs].sort())
      expect(count(graph, 'GroupQueryAttention')).toBe(count(original, 'GroupQueryAttention'))
      expect(count(graph, 'RMSNormalization')).toBe(0)
    }
    const file = (path: string) => parsed(filesOf(folder).read(path))
    expect(file('genai_config.json')).toEqual({
      model: { type: 'llama', decoder: { filename: 'model.onnx', hidden_size: 64 } },
    })
    expect(file('generation_config.json')).toEqual({ eos_token_id: 2 })
    expect(file('config.json')['transformers.js_config']).toEqual({ dtype: 'q4' })
    expect(parsed(filesOf(half).read('genai_config.json'))).toMatchObject({
      model: { decoder: { filename: 'onnx/model_fp16.onnx' } },
    })
  })

  it('keeps four bits where the file has them, within a step of the merged matrix, and says what that loses', async () => {
    const tuned = await tune(files('decoder-llama-int4'))
    const folder = out('int4')
    const { file, requantized } = await tuned.export(folder)
    expect(file).toBe('model.onnx')
    const whole = out('int4-whole')
    await tuned.export(whole, { dtype: 'float32' })
    const right = await tuned.generate('w5 w6 w7', options)
    await tuned.release()
    const [graph, original] = [decoded(folder), decodeGraph(files('decoder-llama-int4')['onnx/model.onnx'])]
    for (const opType of ['MatMulNBits', 'GroupQueryAttention', 'SkipSimplifiedLayerNormalization'])
      expect(count(graph, opType), opType).toBe(count(original, opType))
    expect(count(graph, 'Reshape')).toBeLessThan(5)
    expect(levels(original)).toEqual([4])
    expect(levels(graph)).toEqual([4])
    expect(textOf(await greedy(folder, prompt, options.max_new_tokens))).toBe(await written(folder))
    const config = parsed(filesOf(folder).read('config.json')) as Parameters<typeof readOnnxModel>[2]
    const matrices = async (path: Folder) =>
      readOnnxModel(await openFiles(path), 'model.onnx', config).graph.initializers
    const [packed, merged] = [await matrices(folder), await matrices(whole)]
    for (const name of ['q_proj', 'o_proj'].map((module) => `model.layers.0.self_attn.${module}.weight`)) {
      const matrix = packed.get(name) as Tensor
      expect(matrix.packed?.bits).toBe(4)
      const values = toFloat32(merged.get(name) as Tensor)
      // Half a step, and a whole one for the greatest values of the other sign: the codes reach from -8 to 7.
      const step = Math.max(...values.map(Math.abs)) / 8
      expect(toFloat32(matrix)).toBeAllclose(values, { atol: 1.001 * step })
    }
    expect(await written(whole)).toBe(right)
    const changed = [0, 1].flatMap((layer) =>
      ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.down_proj'].map(
        (module) => `model.layers.${layer}.${module}.weight`,
      ),
    )
    const sum = (of: (a: number, b: number) => number) =>
      changed.reduce((total, name) => {
        const rounded = toFloat32(packed.get(name) as Tensor)
        return total + toFloat32(merged.get(name) as Tensor).reduce((a, w, i) => a + of(w, rounded[i] as number), 0)
      }, 0)
    expect(requantized?.matrices).toBe(changed.length)
    const share = Math.sqrt(sum((w, q) => (w - q) ** 2) / sum((w) => w ** 2))
    expect([requantized?.relative_error ?? 0]).toBeAllclose([share], { rtol: 1e-4 })
    expect(share).toBeGreaterThan(0.01)
  })

  it('keeps the base’s codes with merge: false, and gives the tokens of the fine-tuned model', async () => {
    const tuned = await tune(files('decoder-llama-int4'))
    const folder = out('int4-beside')
    expect(await tuned.export(folder, { merge: false })).toEqual({ file: 'model.onnx' })
    const right = await tuned.generate('w5 w6 w7', options)
    await tuned.release()
    expect(textOf(await greedy(folder, prompt, options.max_new_tokens))).toBe(right)
    expect(await written(folder)).toBe(right)
    const read = async (source: Parameters<typeof openBase>[0]) => {
      const base = await openBase(source)
      return (base.cachedLanguageModel() as { graph: Graph }).graph.initializers
    }
    const [ours, theirs] = [await read(folder), await read(files('decoder-llama-int4'))]
    const packed = [...theirs].filter(([, matrix]) => matrix.packed)
    expect(packed.length).toBeGreaterThan(10)
    for (const [name, matrix] of packed) {
      expect(toFloat32(ours.get(name) as Tensor), name).toEqual(toFloat32(matrix))
      expect(ours.get(name)?.packed?.bits, name).toBe(matrix.packed?.bits)
    }
    // A base in float32 with merge: false and four bits: the adapter stays in float32.
    const plain = await tune(files('decoder-qwen2'))
    const quantized = out('beside')
    await plain.export(quantized, { merge: false, dtype: 'int4' })
    await plain.release()
    const { initializers } = decoded(quantized)
    const dtypes = [...initializers].filter(([name]) => name.includes('lora_')).map(([, { dtype }]) => dtype)
    expect(dtypes.length).toBe(2 * 3 * 2)
    expect(new Set(dtypes)).toEqual(new Set(['float32']))
  })

  it('keeps embeddings in four bits, which are read back as embeddings', async () => {
    const folderFiles = await openFiles(files('decoder-llama-int4'))
    const config = parsed(folderFiles.read('config.json')) as Parameters<typeof readCachedModel>[2]
    const cached = readCachedModel(folderFiles, 'onnx/model.onnx', config) as CachedModel
    const table = 'model.embed_tokens.weight'
    const { initializers } = cached.graph
    const { dims } = initializers.get(table) as Tensor
    const [rows, width] = dims as [number, number]
    const bits = { bits: 4, blockSize: 16, transposed: false, where: table } as const
    initializers.set(table, quantizeMatrix(initializers.get(table) as Tensor, bits))
    const folder = out('int4-embeddings')
    const form = inFormOf(cached.graph, 'packed')
    writeModelFolder({ folder, graph: form, config, dtype: 'packed' })
    expect(count(decoded(folder), 'GatherBlockQuantized')).toBe(1)
    // The builder has one matrix for a tied head and the embeddings, whose codes a Reshape reads.
    const tied = packMatrices(lower(form), { gathers: true })
    const lookup = tied.nodes.find(({ opType }) => opType === 'GatherBlockQuantized') as Graph['nodes'][number]
    const codes = tied.initializers.get(lookup.inputs[0] as string) as Tensor
    const blocks = addInitializer(tied, 'lm_head.MatMul.weight_Q4', { ...codes, dims: [rows, width / 16, 8] })
    const g = build(tied)
    const reshaped = g.node('Reshape', [blocks, g.int64(codes.dims)], { outputs: ['/model/embed_tokens/Reshape'] })
    const reads = { ...lookup, inputs: [(reshaped[0] as Value).name, ...lookup.inputs.slice(1)] }
    tied.nodes = [
      tied.nodes.at(-1) as typeof lookup,
      ...tied.nodes.slice(0, -1).map((node) => (node === lookup ? reads : node)),
    ]
    for (const source of [await openFiles(folder), await openFiles({ 'model.onnx': writeModel(tied) })]) {
      const read = readCachedModel(source, 'model.onnx', config) as CachedModel
      const embeddings = inspect(read).filter(({ kind }) => kind === 'embedding')
      expect(embeddings).toMatchObject([{ module: 'model.embed_tokens', weight: table, inFeatures: rows }])
      expect(read.graph.initializers.get(table)?.packed).toMatchObject({ bits: 4, blockSize: 16, N: rows, K: width })
    }
  })

  it('keeps each matrix in its own bits and blocks where a file mixes them', async () => {
    const source = await openFiles(files('decoder-qwen2'))
    const config = parsed(source.read('config.json')) as Parameters<typeof readCachedModel>[2]
    const cached = readCachedModel(source, 'onnx/model.onnx', config) as CachedModel
    const form = { bits: 8, blockSize: 32, minimum: 0 } as const
    const isWide = ({ weight }: { weight: string }) => /(v|down)_proj/.test(weight)
    const wide = quantizeProducts(cached.graph, { ...form, selects: isWide })
    const selects = (product: { weight: string }) => !isWide(product)
    const mixed = { ...cached, graph: quantizeProducts(wide, { bits: 4, blockSize: 16, minimum: 0, selects }) }
    const adapter = { r: 2, target_modules: ['q_proj', 'v_proj'], init_lora_weights: false }
    const written = await decoderToWrite(mixed, lora(mixed, adapter), true, () => undefined)
    const { graph: merged } = inBitsOf(mixed.graph, written.graph)
    const formsOf = ({ initializers }: Graph) =>
      [...initializers].flatMap(([name, { packed }]) => (packed ? [[name, packed.bits, packed.blockSize]] : []))
    expect(formsOf(merged)).toEqual(formsOf(mixed.graph))
    expect(new Set(formsOf(merged).map(([, bits]) => bits))).toEqual(new Set([4, 8]))
    const untouched = 'model.layers.0.mlp.down_proj.weight'
    expect(merged.initializers.get(untouched)?.packed?.codes).toBe(
      mixed.graph.initializers.get(untouched)?.packed?.codes,
    )
  })
})

describe('the export of a decoder whose base is no file with a cache', () => {
  const train = ['does the cat sleep ?', 'do the girls laugh ?'].map((text) => ({ text }))
  const quick = { task: 'CAUSAL_LM', train, epochs: 1, device: defaultDevice() } as const

  it('GPT-2 from its weights generates in transformers.js, and is opened again', async () => {
    const tuned = await fineTune(embedded, { ...quick, epochs: 8, learning_rate: 1e-2, lora: { r: 2 } })
    const folder = out('gpt2-hub')
    expect(await tuned.export(folder, { layout: 'hub' })).toEqual({ file: 'onnx/model.onnx' })
    await tuned.export(out('gpt2-int4'), { layout: 'hub', dtype: 'int4', merge: false })
    await tuned.export(out('gpt2-flat'))
    const right = await tuned.generate('does the', options)
    const prompt = tuned.tokenizer.encode('does the')
    const [{ max_length }, base] = [await openBase(embedded), await openBase(folder)]
    expect(base.max_length).toBe(max_length)
    await tuned.release()
    const text = (ids: readonly number[]) => tuned.tokenizer.decode([...prompt, ...ids])
    expect(text(await greedy(folder, prompt, options.max_new_tokens, { file: 'onnx/model.onnx' }))).toBe(
      `does the${right}`,
    )
    const generator = await createGenerator(base.cachedLanguageModel() as { graph: Graph }, { config: base.config })
    expect(text(await generator.generate(prompt, options))).toBe(`does the${right}`)
    await generator.release()
    // Other programs give token ids and a mask.
    expect(decoded(out('gpt2-flat')).inputs).toEqual(['input_ids', 'attention_mask'])
    const beside = decoded(out('gpt2-int4'), 'onnx/model_q4.onnx')
    expect(beside.inputs).toEqual(decoded(folder, 'onnx/model.onnx').inputs)
    expect([...beside.initializers.keys()].some((name) => name.includes('lora_B'))).toBe(true)
  })

  it.each(['llama-lm-torchscript', 'gpt2-lm-dynamo'])('%s is refused for transformers.js', async (name) => {
    const tuned = await fineTune(exportFolder(out, name), { ...quick, train: [{ text: 'the cat sleeps' }] })
    const folder = out(`${name}-hub`)
    const refused = expect(tuned.export(folder, { layout: 'hub' })).rejects
    await refused.toThrow(ConfigError)
    await refused.toThrow(/keeps no keys and values.*past_key_values.*text-generation-with-past.*layout 'flat'/)
    expect(filesOf(folder).names()).toEqual([])
    await tuned.export(folder)
    await tuned.release()
    expect(decoded(folder).outputs).toEqual(['logits'])
  })
})

describe('adapters as inputs', () => {
  it.each(['decoder-qwen2', 'decoder-llama-int4'])('%s: each file of matrices gives its adapter', async (name) => {
    const ours = readAdapter(folderAt(join(decoders, name, 'adapter')))
    const base = await openBase(files(name))
    const folder = out(`${name}-adapters`)
    await exportAdapters(folder, base, { ours, 'the-same': ours })
    const { prompt: inputs, greedy } = ofPeft(name)
    const { graph } = readCachedModel(await openFiles(folder), 'model.onnx', base.config) as { graph: Graph }
    const matrices = parseSafetensors(filesOf(folder).read('adapters/ours.safetensors')).tensors
    const feeds = (adapter?: string) => ({
      ...Object.fromEntries([...matrices].map(([key, value]) => [key, { data: toFloat32(value), dims: value.dims }])),
      lora_scale: { data: Float32Array.of(adapter ? 1 : 0), dims: [] },
    })
    expect(graph.inputs.filter((input) => matrices.has(input)).length).toBe(matrices.size)
    const generator = await createGenerator({ graph, rank: 2, adapters: ['ours'], feeds }, { config: base.config })
    const few = { max_new_tokens: greedy.length, eos_token_id: [] }
    expect(await generator.generate(inputs, { ...few, adapter: 'ours' })).toEqual(greedy)
    const bare = await generator.generate(inputs, few)
    expect(bare).not.toEqual(greedy)
    expect(await generator.generate(inputs, { ...few, adapter: 'ours', adapter_scale: 0 })).toEqual(bare)
    await generator.release()
  })

  it('are overridable for native runtimes, and need a cache and names of files', async () => {
    const ours = readAdapter(folderAt(join(decoders, 'decoder-qwen2', 'adapter')))
    const base = await openBase(files('decoder-qwen2'))
    const folder = out('overridable')
    await exportAdapters(folder, base, { ours }, { inputs: 'overridable' })
    expect(new TextDecoder().decode(filesOf(folder).read('adapters/ours.onnx_adapter', 4, 8))).toBe('TORT')
    // Without an adapter, the file is the base.
    const generator = await createGenerator(base.cachedLanguageModel() as { graph: Graph }, {
      config: base.config,
    })
    const [first] = await generator.generate(prompt, { max_new_tokens: 1, eos_token_id: [] })
    await generator.release()
    expect(await greedy(folder, prompt, 1)).toEqual([first])
    for (const none of [undefined, null, [], ours])
      await expect(exportAdapters(folder, base, none as never)).rejects.toThrow(ColaError)
    // A store has everything when the export is done.
    const [sink, stored] = [memorySink(), [] as string[]]
    const flush = async () => void stored.push(...sink.names())
    await exportAdapters({ ...sink, flush }, base, { ours }, { inputs: 'overridable' })
    expect(stored).toContain('adapters/ours.onnx_adapter')
    await expect(exportAdapters(folder, base, { '../ours': ours })).rejects.toThrow(/not a name of a file/)
    await expect(exportAdapters(folder, base, { ours }, { inputs: 'other' as 'required' })).rejects.toThrow(ConfigError)
  })
})
