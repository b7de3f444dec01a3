// Decoders with fused operators and a cache: which file is opened, and what is refused before weights are read. Their
// numbers are the parity cases' (tools/parity/fixtures/decoder-*).

import { join } from 'node:path'
import { decodeGraph, writeModel } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { ConfigError, inspect, lora, openBase, openOnnxModel } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'
import { decoderFiles, decoders, json, parsed, read, wordTokenizer } from '../support/decoder-files.ts'

const out = temporaryFolders()

const config = parsed(read(join(decoders, 'decoder-qwen3', 'config.json')))

/** The files of a repository. */
const files = (changes: Record<string, Uint8Array> = {}) => ({
  ...decoderFiles('decoder-qwen3'),
  'tokenizer_config.json': json({ pad_token: 'w0', eos_token: 'w2' }),
  ...changes,
})

describe('a decoder of onnxruntime-genai', () => {
  it('opens without its cache, with transformers’ modules', async () => {
    const { model, file } = await openOnnxModel(files())
    expect(file).toBe('onnx/model.onnx')
    expect(model.graph.inputs).toEqual(['input_ids', 'attention_mask'])
    expect(model.graph.outputs).toEqual(['logits'])
    const modules = inspect(model).map(({ module }) => module)
    for (const name of ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.up_proj'])
      expect(modules).toContain(`model.layers.1.${name}`)
    expect(model.graph.initializers.has('model.layers.0.self_attn.q_norm.weight')).toBe(true)
    expect(model.graph.initializers.has('model.norm.weight')).toBe(true)
  })

  it('has the modules that the file holds in one matrix', async () => {
    const source = decoderFiles('decoder-packed-mlp')
    const packed = 'model.layers.1.mlp.gate_up_proj'
    expect([...decodeGraph(source['onnx/model.onnx']).initializers.keys()]).toContain(`${packed}.MatMul.weight`)
    const { model } = await openOnnxModel(source)
    const modules = inspect(model).map(({ module }) => module)
    for (const name of ['gate_proj', 'up_proj', 'down_proj']) expect(modules).toContain(`model.layers.1.mlp.${name}`)
    expect(modules).not.toContain(packed)
  })

  it('has them where the file divides its product into equal parts', async () => {
    const source = decoderFiles('decoder-packed-mlp')
    const graph = decodeGraph(source['onnx/model.onnx'])
    graph.nodes = graph.nodes.map((node) =>
      node.opType === 'Split'
        ? { ...node, inputs: node.inputs.slice(0, 1), attributes: { ...node.attributes, num_outputs: 2 } }
        : node,
    )
    for (const name of graph.outputs) {
      const shape = name === 'logits' ? ['batch', 'sequence', 40] : ['batch', 1, 'total', 16]
      graph.values.set(name, { name, dtype: 'float32', shape })
    }
    const { model } = await openOnnxModel({ ...source, 'onnx/model.onnx': writeModel(graph) })
    const modules = inspect(model).map(({ module }) => module)
    for (const name of ['gate_proj', 'up_proj']) expect(modules).toContain(`model.layers.1.mlp.${name}`)
  })

  it.each(['gemma2', 'llama-int4', 'packed-mlp', 'phi3', 'qwen2', 'qwen3'])(
    '%s: all-linear leaves its head, as in PEFT',
    async (name) => {
      const config = parsed(read(join(decoders, `decoder-${name}`, 'config.json')))
      const base = await openBase(decoderFiles(`decoder-${name}`, config.vocab_size as number))
      const model = base.languageModel()
      const outside = inspect(model).flatMap(({ module }) => (module.startsWith('model.layers.') ? [] : [module]))
      expect(outside.sort()).toEqual(['lm_head', 'model.embed_tokens'])
      const { trainable } = lora(model, { task_type: 'CAUSAL_LM', target_modules: 'all-linear' })
      expect([...trainable].filter((name) => !name.startsWith('base_model.model.model.layers.'))).toEqual([])
    },
  )

  it('is a language model for text', async () => {
    const base = await openBase(files())
    expect(base.causal).toBe(true)
    const { graph } = base.languageModel()
    expect(Object.keys(base.batches(graph)([{ input_ids: [4, 5, 6] }]).batch)).toEqual(['input_ids', 'attention_mask'])
  })
})

describe('the precision of a model', () => {
  const { 'onnx/model.onnx': model, ...others } = files()
  /** transformers.js's names, in the order in which they are opened where none is asked for. */
  const named = {
    fp32: 'onnx/model.onnx',
    fp16: 'onnx/model_fp16.onnx',
    q4: 'onnx/model_q4.onnx',
    q4f16: 'onnx/model_q4f16.onnx',
    q8: 'onnx/model_quantized.onnx',
    int8: 'onnx/model_int8.onnx',
    uint8: 'onnx/model_uint8.onnx',
    bnb4: 'onnx/model_bnb4.onnx',
  } as const
  const precisions = Object.keys(named) as (keyof typeof named)[]
  const withFiles = (...paths: string[]) => ({ ...others, ...Object.fromEntries(paths.map((path) => [path, model])) })

  it.each(precisions)('is that of the file which the option dtype names: %s', async (dtype) => {
    const source = withFiles(...Object.values(named))
    expect((await openOnnxModel(source, { dtype })).file).toBe(named[dtype])
    expect((await openBase(source, { dtype })).origin).toEqual({ file: named[dtype] })
  })

  it.each(precisions)('is the first that can be trained, by default: %s before those that follow', async (dtype) => {
    const paths = precisions.slice(precisions.indexOf(dtype)).map((name) => named[name])
    expect((await openOnnxModel(withFiles(...paths.toReversed()))).file).toBe(named[dtype])
  })

  it('is refused where it is unknown, missing, or beside a file', async () => {
    await expect(openOnnxModel(files(), { dtype: 'q3' as 'q4' })).rejects.toThrow(
      /option dtype.*"fp32", "fp16".*found "q3"/,
    )
    await expect(openOnnxModel(files(), { dtype: 'q4' })).rejects.toThrow(/model_q4.onnx or onnx\/model_q4.onnx/)
    const both = openOnnxModel(files(), { dtype: 'q4', file: 'onnx/model.onnx' })
    await expect(both).rejects.toThrow(ConfigError)
  })
})

describe('files that do not belong together are refused', () => {
  it.each([
    ['heads', { num_attention_heads: 4 }, /GroupQueryAttention.*number of heads is not that.*expected 4, found 2/],
    ['heads of the cache', { num_key_value_heads: 2 }, /number of heads of keys.*expected 2, found 1/],
  ])('a configuration with other %s', async (_, changes, message) => {
    const opened = openOnnxModel(files({ 'config.json': json({ ...config, ...changes }) }))
    await expect(opened).rejects.toThrow(ConfigError)
    await expect(opened).rejects.toThrow(message)
  })

  it('a tokenizer with another vocabulary, when a language model is asked for', async () => {
    const base = await openBase(files({ 'tokenizer.json': json(wordTokenizer(41)) }))
    expect(() => base.languageModel()).toThrow(ConfigError)
    expect(() => base.languageModel()).toThrow(/vocabulary is not the model's, expected at most 40 tokens.*found 41/)
  })

  it('but not one with an added token that has no row', async () => {
    const added = { ...wordTokenizer(40), added_tokens: [{ id: 40, content: '[PAD]', special: true }] }
    const base = await openBase(files({ 'tokenizer.json': json(added) }))
    expect(() => base.languageModel()).not.toThrow()
  })

  it('an encoder where a decoder is needed', async () => {
    const base = await openBase(exportFolder(out, 'bert-bare-torchscript'))
    expect(() => base.languageModel()).toThrow(/not a language model/)
    const encoder = { ...config, model_type: 'bert', architectures: ['BertModel'] }
    await expect(openBase(files({ 'config.json': json(encoder) }))).rejects.toThrow(/kind of layers is not that of/)
  })
})
