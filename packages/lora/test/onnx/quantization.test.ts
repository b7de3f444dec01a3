// QLoRA: bases whose linear layers are quantized when they are opened. Numbers are those of the dequantized matrices.
// Against PyTorch's: tools/parity/fixtures/decoder-llama-int4.

import type { Files } from '@cola/data'
import { join } from 'node:path'
import { cloneGraph, float32, type Graph, packMatrices, type Tensor, toFloat32 } from '@cola/graph'
import { defaultDevice, crossEntropy, generateArtifacts, loadClassifier, sgd, TrainingSession } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { folderAt, readText, reopening, temporaryFolders } from '../../../../tools/test-folders.ts'
import {
  type AdaptedModel,
  type AdapterConfig,
  ConfigError,
  fineTune,
  loadFineTuned,
  merge,
  openBase,
  openOnnxModel,
  type Quantization,
  unmerge,
  withAdapter,
  withHead,
} from '../../src/index.ts'
import { withParameters } from '../../src/inject/adapted-model.ts'
import { exportFolder, exportNames } from '../support/export-folder.ts'

const out = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
const sources: Record<string, string | Files> = {
  ...Object.fromEntries(exportNames.map((name) => [name, exportFolder(out, name)])),
  'GPT-2’s weights': embedded,
}

const packedNames = ({ initializers }: Graph): string[] =>
  [...initializers].flatMap(([name, { packed }]) => (packed ? [name] : []))

/** The same numbers as float32 matrices without codes. */
function dequantized(model: AdaptedModel): AdaptedModel {
  const graph = cloneGraph(model.graph)
  for (const name of packedNames(graph)) {
    const data = graph.initializers.get(name) as Tensor
    graph.initializers.set(name, float32(data.dims, toFloat32(data)))
  }
  return { ...model, graph }
}

const rows = [
  [5, 6, 7, 8],
  [9, 10],
  [11, 12, 13],
].map((input_ids) => ({ input_ids }))
const labels = { data: Int32Array.from([0, 1, 1]), dims: [3] }

async function adapted(source: string, quantization: Quantization, config: AdapterConfig) {
  const base = await openBase(source, { quantization })
  const headed = withHead(base.hiddenStates(), { num_labels: 2, pooling: 'mean', name: 'classifier', bias: true })
  return { base, model: withAdapter(headed, { task_type: 'SEQ_CLS', ...config }, { seed: 3 }) }
}

/** Loss, logits and parameters after two steps. */
async function steps(model: AdaptedModel, base: Awaited<ReturnType<typeof openBase>>) {
  const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() })
  const session = await TrainingSession.create({ artifacts, device: defaultDevice() })
  const batch = { ...base.batches(model.graph)(rows).batch, labels }
  const losses: number[] = []
  for (let step = 0; step < 2; step++) {
    session.lazyResetGrad()
    losses.push((await session.runTrainStep(batch)).loss)
    await session.runOptimizerStep({ learningRate: 0.5 })
  }
  const parameters = await session.getParameters()
  losses.push((await session.runEvalStep(batch)).loss)
  await session.release()
  return { losses, parameters }
}

const four: Quantization = { bits: 4, block_size: 16 }
const lora: AdapterConfig = { r: 2, lora_alpha: 8, target_modules: 'all-linear' }

describe('a base that is quantized when it is opened', () => {
  it.each(Object.keys(sources))('%s: trains as with the dequantized matrices', async (name) => {
    const { base, model } = await adapted(sources[name] as string, four, lora)
    const layers = new Set(model.targets.map(({ weight }) => weight))
    expect(packedNames(model.graph)).toEqual(expect.arrayContaining([...layers]))
    const [quantized, plain] = [await steps(model, base), await steps(dequantized(model), base)]
    expect(quantized.losses).toBeAllclose(plain.losses, { atol: 1e-5 })
    for (const [parameter, value] of plain.parameters)
      expect(toFloat32(quantized.parameters.get(parameter) as Tensor), parameter).toBeAllclose(toFloat32(value), {
        atol: 1e-4,
      })
  })

  const methods: Record<string, AdapterConfig> = {
    LoRA: lora,
    DoRA: { ...lora, use_dora: true },
    rsLoRA: { ...lora, use_rslora: true, lora_bias: true },
    VeRA: { peft_type: 'VERA', r: 4, target_modules: ['query', 'value'] },
    '(IA)³': { peft_type: 'IA3', target_modules: ['query', 'intermediate.dense'], feedforward_modules: [] },
    'modules in full': { ...lora, target_modules: ['query'], modules_to_save: ['value'] },
  }
  it.each(Object.keys(methods))('%s trains on it and merges into the dequantized matrices', async (name) => {
    const { base, model } = await adapted(
      sources['bert-bare-torchscript'] as string,
      four,
      methods[name] as AdapterConfig,
    )
    const [quantized, plain] = [await steps(model, base), await steps(dequantized(model), base)]
    expect(quantized.losses).toBeAllclose(plain.losses, { atol: 1e-5 })
    const trained = withParameters(model, quantized.parameters)
    const [merged, reference] = [merge(trained), merge(dequantized(trained))]
    for (const { weight } of model.targets) {
      expect(merged.graph.initializers.get(weight)?.packed).toBeUndefined()
      expect(toFloat32(merged.graph.initializers.get(weight) as Tensor)).toEqual(
        toFloat32(reference.graph.initializers.get(weight) as Tensor),
      )
    }
    const back = unmerge(merged)
    for (const { weight } of model.targets)
      expect(toFloat32(back.graph.initializers.get(weight) as Tensor)).toBeAllclose(
        toFloat32(model.base.initializers.get(weight) as Tensor),
        { atol: 1e-5 },
      )
  })

  it('runs on the codes, forward and backward: no float32 matrix is written', async () => {
    const { model } = await adapted(sources['bert-bare-torchscript'] as string, four, lora)
    const { trainingModel } = generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() })
    const written = packMatrices(trainingModel)
    const count = (opType: string) => written.nodes.filter((node) => node.opType === opType).length
    // No gradient passes the query, key and value of the first layer: what is below them is frozen.
    expect(count('MatMulNBits')).toBe(3)
    expect(count('DequantizeLinear')).toBe(2 * (model.targets.length - 3))
    for (const { weight } of model.targets) expect(written.initializers.has(weight)).toBe(false)
  })

  it('8 bits are nearer than 4, and small blocks nearer than large ones', async () => {
    const { model: original } = await openOnnxModel(sources['bert-bare-torchscript'] as string)
    const error = async (quantization: Quantization): Promise<number> => {
      const { model } = await openOnnxModel(sources['bert-bare-torchscript'] as string, { quantization })
      const errors = packedNames(model.graph).map((name) => {
        const [a, b] = [model, original].map(({ graph }) => toFloat32(graph.initializers.get(name) as Tensor)) as [
          Float32Array,
          Float32Array,
        ]
        return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0)
      })
      return Math.sqrt(errors.reduce((sum, value) => sum + value, 0))
    }
    const errors = [{ bits: 8 }, { bits: 4, block_size: 16 }, {}, { bits: 4, block_size: 256 }] as const
    const found = await Promise.all(errors.map((quantization) => error(quantization)))
    expect(found).toEqual([...found].sort((a, b) => a - b))
    expect(found[0]).toBeLessThan((found[1] as number) / 10)
  })

  it('embeddings, tied heads and named modules stay in float32', async () => {
    const { model } = await openOnnxModel(sources['llama-lm-torchscript'] as string, { quantization: {} })
    expect(packedNames(model.graph).some((name) => /embed_tokens|lm_head/.test(name))).toBe(false)
    expect(packedNames(model.graph).some((name) => name.endsWith('q_proj.weight'))).toBe(true)
    const { model: without } = await openOnnxModel(sources['llama-lm-torchscript'] as string, {
      quantization: { modules_to_not_convert: ['q_proj'] },
    })
    expect(packedNames(without.graph).some((name) => name.endsWith('q_proj.weight'))).toBe(false)
  })

  it.each([
    [{ bits: 3 }, /option bits.*expected 4, 8, found 3/],
    [{ block_size: 48 }, /option block_size/],
    [{ load_in_4bit: true }, /option load_in_4bit: no such option/],
  ])('%j is refused', async (quantization, message) => {
    const opened = openOnnxModel(sources['bert-bare-torchscript'] as string, { quantization: quantization as never })
    await expect(opened).rejects.toThrow(ConfigError)
    await expect(opened).rejects.toThrow(message)
  })
})

describe('fineTune with a quantized base', () => {
  it('is opened again with the same quantization', async () => {
    const train = ['cats sleep', 'girls laugh', 'the cat sleeps', 'the girl laughs'].map((text, i) => ({
      text,
      label: i < 2 ? 'many' : 'one',
    }))
    const source = sources['bert-bare-torchscript'] as string | Files
    const tuned = await fineTune(source, {
      train,
      epochs: 2,
      batch_size: 4,
      device: defaultDevice(),
      quantization: { bits: 4, block_size: 16 },
    })
    const expected = await tuned.classify(['the cats sleep'])
    await tuned.save(out('tuned'))
    await tuned.export(out('exported'), { dtype: 'float32' })
    const classifier = await loadClassifier(out('exported'), { device: defaultDevice() })
    expect((await classifier.classify(['the cats sleep']))[0]?.probabilities ?? []).toBeAllclose(
      expected[0]?.probabilities ?? [],
      { atol: 1e-5 },
    )
    await classifier.release()
    await tuned.release()
    expect(JSON.parse(readText(out('tuned'), 'fine_tuned.json'))).toMatchObject({
      base: { quantization: { bits: 4, block_size: 16 } },
    })
    for (const merges of [false, true]) {
      const again = await loadFineTuned(out('tuned'), { ...reopening(source), device: defaultDevice(), merge: merges })
      expect((await again.classify(['the cats sleep']))[0]?.probabilities ?? []).toBeAllclose(
        expected[0]?.probabilities ?? [],
        { atol: 1e-5 },
      )
      await again.release()
    }
  })
})
