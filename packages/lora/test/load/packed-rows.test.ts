// Several texts in a row of an ONNX decoder's batch: loss and gradients are those of the texts one by one.

import { join } from 'node:path'
import { checkpoints, type Tensor, toFloat32, withoutSegments } from '@cola/graph'
import { generateArtifacts, sgd, TrainingSession } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { withoutKernel } from '../../../../tools/kernels.ts'
import { openBase, withAdapter } from '../../src/index.ts'
import type { BaseModel } from '../../src/load/base-model.ts'
import { causalLanguageModel } from '../../src/tasks/causal-language-model.ts'
import { decoderFiles, decoders, json, parsed, read, wordTokenizer } from '../support/decoder-files.ts'

const fixtures = join(import.meta.dirname, '../fixtures')

/** A decoder of the model builder. */
const built = (name: string) => {
  const { vocab_size } = parsed(read(join(decoders, name, 'config.json')))
  return decoderFiles(name, vocab_size as number)
}

/** A decoder that PyTorch exported, with more fields in its configuration. */
const exported = (folder: string, file: string, vocabulary: number, fields: Record<string, unknown>) => ({
  'config.json': json({ ...parsed(read(join(fixtures, folder, 'config.json'))), ...fields }),
  'model.onnx': read(join(fixtures, folder, file)),
  'tokenizer.json': json(wordTokenizer(vocabulary)),
  'tokenizer_config.json': json({ eos_token: 'w2' }),
})

const sources: Record<string, Parameters<typeof openBase>[0]> = {
  'GroupQueryAttention, packed': built('decoder-qwen2'),
  'normalized heads': built('decoder-qwen3'),
  'a sliding window, capped scores': built('decoder-gemma2'),
  'one module for queries, keys and values': built('decoder-phi3'),
  'four bits': built('decoder-llama-int4'),
  'PyTorch’s exporter': exported('exports/llama-lm-torchscript', 'model.onnx', 24, { num_hidden_layers: 1 }),
  'position_ids and a cache': exported('generation', 'model.onnx', 40, {}),
  'quantized to eight bits': exported('quantized/llama-reduced', 'model_quantized.onnx', 24, { num_hidden_layers: 1 }),
}

const settings = { form: 'text', completion_only_loss: true, eos_token_id: [2] } as const

/** Texts of several lengths, among them one that has no label. */
const examples = [6, 2, 3, 1, 5, 4, 2].map((length, text) => {
  const input_ids = Array.from({ length }, (_, i) => 3 + ((7 * text + 5 * i) % 20))
  return { input_ids, labels: input_ids }
})

/** Loss and gradients of batches, whose gradients are accumulated. */
async function trained(base: BaseModel, isPacked: boolean, batches: (typeof examples)[]) {
  const plain = isPacked ? base.packedLanguageModel() : base.languageModel()
  const adapter = { r: 2, target_modules: 'all-linear', init_lora_weights: false, task_type: 'CAUSAL_LM' } as const
  const model = withAdapter(plain, adapter, { seed: 5 })
  const loss = causalLanguageModel.loss(settings, { base, examples, batch_size: examples.length })
  const artifacts = generateArtifacts(model, { loss, optimizer: sgd() })
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  const collate = causalLanguageModel.collate(base, model, settings)
  const rows: (number | undefined)[] = []
  let [sum, labels] = [0, 0]
  for (const texts of batches) {
    const batch = collate(texts)
    rows.push(batch.input_ids?.dims[0])
    const count = texts.reduce((total, { input_ids }) => total + input_ids.length - 1, 0)
    sum += (await session.runTrainStep(batch)).loss * count
    labels += count
  }
  const gradients = await session.getGradients()
  await session.release()
  const missing = new Set(withoutKernel(artifacts.trainingModel, 'webgpu'))
  return {
    loss: sum / labels,
    gradients,
    rows,
    inputs: model.graph.inputs,
    missing,
    kept: checkpoints(model.graph, [...model.trainable]).length,
  }
}

describe('texts that share a row', () => {
  it('only while they are trained: the graph for other programs is the file’s', async () => {
    const base = await openBase(sources['PyTorch’s exporter'] as Parameters<typeof openBase>[0])
    const [packed, plain] = [base.packedLanguageModel().graph, base.languageModel().graph]
    const restored = withoutSegments(packed)
    expect(restored.inputs).toEqual(plain.inputs)
    expect(restored.nodes).toEqual(plain.nodes)
    expect([...restored.initializers.keys()].sort()).toEqual([...plain.initializers.keys()].sort())
    expect(withoutSegments(plain)).toBe(plain)
  })

  it.each(Object.keys(sources))('%s: train as one by one', async (name) => {
    const base = await openBase(sources[name] as Parameters<typeof openBase>[0])
    const packed = await trained(base, true, [examples])
    expect(packed.inputs).toContain('segment_ids')
    expect(packed.rows[0]).toBeLessThan(examples.length)
    const single = examples.filter(({ input_ids }) => input_ids.length > 1).map((text) => [text])
    const alone = await trained(base, false, single)
    expect([packed.loss]).toBeAllclose([alone.loss], { atol: 1e-6, rtol: 1e-5 })
    expect(packed.missing).toEqual(alone.missing)
    expect(packed.kept).toBe(alone.kept)
    expect(packed.kept).toBeGreaterThan(0)
    expect([...packed.gradients.keys()]).toEqual([...alone.gradients.keys()])
    for (const [parameter, gradient] of alone.gradients) {
      const found = toFloat32(packed.gradients.get(parameter) as Tensor)
      expect(found, parameter).toBeAllclose(toFloat32(gradient), { atol: 2e-6, rtol: 1e-3 })
    }
  })

  it.each([
    ['learned positions', exported('exports/gpt2-lm-dynamo', 'model.onnx', 24, { num_hidden_layers: 1 })],
    ['no number of layers', exported('exports/llama-lm-torchscript', 'model.onnx', 24, {})],
    [
      'an unknown type',
      exported('exports/llama-lm-torchscript', 'model.onnx', 24, { model_type: 'new', num_hidden_layers: 1 }),
    ],
  ])('%s: each text has a row', async (_, source) => {
    const base = await openBase({
      ...source,
      'config.json': json({ ...parsed(source['config.json']), architectures: ['XForCausalLM'] }),
    })
    const { graph } = base.packedLanguageModel()
    expect(graph.inputs).not.toContain('segment_ids')
    expect(base.batches(graph)(examples).grid[0]).toBe(examples.length)
  })
})
