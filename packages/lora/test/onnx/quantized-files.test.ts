// Files of onnxruntime's quantization (model_quantized.onnx) against the runtime, PyTorch and PEFT with the dequantized
// parameters (test/make-quantized.py).

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesOf, ignoreIndex } from '@cola/data'
import {
  type DataType,
  elements,
  type Graph,
  type Model,
  type Tensor,
  toFloat32,
  toNumbers,
  parseSafetensors,
} from '@cola/graph'
import {
  defaultDevice,
  crossEntropy,
  feedsOf,
  generateArtifacts,
  loadClassifier,
  openSession,
  type OrtTensor,
  sgd,
  TrainingSession,
} from '@cola/train'
import { readJson } from '@cola/train/files'
import { describe, expect, it } from 'vitest'
import { copyFolder, folderAt, reopening, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { fineTune, inspect, loadAdapter, loadFineTuned, merge, openOnnxModel, readOnnxModel } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'

const fixtures = join(import.meta.dirname, '../fixtures/quantized')
/** Static quantization cuts activations to their ranges, which PyTorch's model does not. */
const isStatic = ({ tensors }: Opened): boolean => !tensors.has('adapted')
const names = readdirSync(fixtures)

/** What a fixture holds. */
function open(name: string) {
  const files = filesOf(folderAt(join(fixtures, name)))
  const config = readJson(files, 'config.json') as { model_type: string; linear: string[]; bits?: number }
  const { tensors } = parseSafetensors(new Uint8Array(readFileSync(join(fixtures, name, 'expected.safetensors'))))
  const expected = (key: string): Tensor => tensors.get(key) as Tensor
  return { config, tensors, expected, model: readOnnxModel(files, 'model_quantized.onnx', config) }
}

type Opened = ReturnType<typeof open>

const inputsOf = ({ expected }: Opened) =>
  Object.fromEntries(
    ['input_ids', 'attention_mask'].map((key) => {
      const value = expected(key)
      return [key, { data: elements(value) as BigInt64Array, dims: value.dims }]
    }),
  )

/** The logits, of real tokens where there is a row for each. */
async function logits(graph: Graph, opened: Opened): Promise<Float32Array> {
  const session = await openSession({ graph }, defaultDevice())
  const results = await session.run(feedsOf(graph, graph.inputs, inputsOf(opened)).feeds)
  await session.release()
  return real((results[graph.outputs[0] as string] as OrtTensor).data as Float32Array, opened)
}

function real(values: Float32Array, { expected }: Opened): Float32Array {
  const mask = toNumbers(expected('attention_mask'))
  const width = values.length / mask.length
  return Number.isInteger(width) ? values.filter((_, i) => mask[Math.floor(i / width)] === 1) : values
}

const realOf = (key: string, opened: Opened): Float32Array => real(toFloat32(opened.expected(key)), opened)

/** Loss and gradients of the fixture's batch. */
async function trained(model: Model, opened: Opened) {
  const { dims } = opened.expected('labels')
  const labels = Int32Array.from(toNumbers(opened.expected('labels')), (label) =>
    label === -100 ? ignoreIndex : label,
  )
  const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() })
  const session = await TrainingSession.create({ artifacts, device: defaultDevice() })
  const { loss } = await session.runTrainStep({ ...inputsOf(opened), labels: { data: labels, dims } })
  const gradients = await session.getGradients()
  await session.release()
  return { loss, gradients }
}

describe.each(names)('%s', (name) => {
  const opened = open(name)

  it('computes what the runtime’s float kernels do with the dequantized matrices, near what the file computes', async () => {
    const actual = await logits(opened.model.graph, opened)
    const right = realOf('logits', opened)
    expect(actual).toBeAllclose(right, { atol: 2e-6, rtol: 1e-5 })
    const greatest = right.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
    expect(actual).toBeAllclose(realOf('of_file', opened), { atol: 0.05 * greatest })
  })

  it('has transformers’ modules, whose matrices keep their codes', () => {
    const { graph } = opened.model
    const layers = inspect(opened.model).filter(({ kind }) => kind === 'linear')
    expect([...new Set(layers.map(({ module }) => module))].sort()).toEqual(opened.config.linear)
    for (const { module } of layers)
      expect(graph.initializers.get(`${module}.weight`)?.packed, module).toMatchObject({
        bits: opened.config.bits ?? 8,
      })
    expect([...graph.values.values()].filter(({ dtype }) => (['int8', 'uint8'] as DataType[]).includes(dtype))).toEqual(
      [],
    )
  })

  it('takes PEFT’s adapter, and trains it', async () => {
    const model = loadAdapter(opened.model, readAdapter(folderAt(join(fixtures, name, 'adapter'))))
    const adapted = await logits(model.graph, opened)
    expect(await logits(merge(model).graph, opened)).toBeAllclose(adapted, { atol: 2e-5, rtol: 1e-4 })
    if (isStatic(opened)) return
    expect(adapted).toBeAllclose(realOf('adapted', opened), { atol: 2e-6, rtol: 1e-5 })
    const { loss, gradients } = await trained(model, opened)
    expect([loss]).toBeAllclose(toFloat32(opened.expected('loss')), { atol: 1e-5 })
    const wanted = [...opened.tensors].filter(([key]) => key.startsWith('grad.'))
    expect(wanted.length).toBeGreaterThan(3)
    for (const [key, value] of wanted) {
      const parameter = key.slice('grad.'.length)
      const gradient = gradients.get(parameter) ?? gradients.get(parameter.replace('base_model.model.', ''))
      expect(toFloat32(gradient as Tensor), parameter).toBeAllclose(toFloat32(value), { atol: 1e-6, rtol: 1e-3 })
    }
  })
})

describe('a repository with model_quantized.onnx', () => {
  const out = temporaryFolders()
  const folder = exportFolder(out, 'bert-seq-torchscript')
  const alone = out('alone')
  const quantized = new Uint8Array(readFileSync(join(fixtures, 'bert-int8/model_quantized.onnx')))
  for (const each of [folder, alone]) storeOf(each).write('onnx/model_quantized.onnx', [quantized])
  copyFolder(folder, alone, ['config.json', 'tokenizer.json', 'tokenizer_config.json'])

  it('opens it as q8, and by default where no other file is', async () => {
    expect((await openOnnxModel(folder)).file).toBe('model.onnx')
    const { file, model } = await openOnnxModel(folder, { dtype: 'q8' })
    expect(file).toBe('onnx/model_quantized.onnx')
    expect(model.graph.initializers.get('bert.embeddings.word_embeddings.weight')?.packed).toMatchObject({ bits: 8 })
    expect((await openOnnxModel(alone)).file).toBe('onnx/model_quantized.onnx')
  })

  it('is fine-tuned, evaluated, saved, opened again and exported', async () => {
    const texts = ['cats sleep', 'girls laugh', 'the cat sleeps', 'the girl laughs']
    const train = texts.map((text, i) => ({ text, label: i < 2 ? 'many' : 'one' }))
    const tuned = await fineTune(folder, {
      train,
      validation: train,
      epochs: 8,
      batch_size: 4,
      learning_rate: 0.02,
      lora: { target_modules: 'all-linear' },
      device: defaultDevice(),
      open: { dtype: 'q8' },
    })
    expect(tuned.metrics.accuracy).toBe(1)
    const expected = (await tuned.classify(texts)).map(({ probabilities }) => probabilities)
    await tuned.save(out('tuned'))
    await tuned.export(out('exported'), { dtype: 'float32' })
    await tuned.release()
    const again = await loadFineTuned(out('tuned'), { ...reopening(folder), device: defaultDevice() })
    const classifier = await loadClassifier(out('exported'), { device: defaultDevice() })
    for (const model of [again, classifier]) {
      const found = (await model.classify(texts)).map(({ probabilities }) => probabilities)
      found.forEach((probabilities, i) => {
        expect(probabilities).toBeAllclose(expected[i] ?? [], { atol: 1e-5 })
      })
      await model.release()
    }
  })
})
