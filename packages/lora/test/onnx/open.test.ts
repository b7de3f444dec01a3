// Exported encoders: names, heads, adapters, files.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInput, build, createGraph, type Tensor, toFloat32, writeModel } from '@cola/graph'
import {
  defaultDevice,
  crossEntropy,
  generateArtifacts,
  openSession,
  OrtTensor,
  paddedBatches,
  sgd,
  TrainingSession,
} from '@cola/train'
import { describe, expect, it } from 'vitest'
import {
  copyFolder,
  type Folder,
  folderAt,
  readText,
  storeOf,
  temporaryFolders,
  writeText,
} from '../../../../tools/test-folders.ts'
import { moved } from '../../../../tools/moved.ts'
import {
  adapterTensors,
  ConfigError,
  exportMerged,
  loadAdapter,
  lora,
  merge,
  openOnnxModel,
  type Pooling,
  withHead,
  withMaskedInputs,
} from '../../src/index.ts'

const folder = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
const fixtures = join(import.meta.dirname, '../../../../tools/parity/fixtures')
/** A folder as the hub has one: an exported classifier cut off at its hidden states is what encoders are shared as. */
function modelFolder(name: string, fixture: string, config: object): Folder {
  const path = folder(name)
  storeOf(path).write('onnx/model.onnx', [new Uint8Array(readFileSync(join(fixtures, fixture, 'model.onnx')))])
  writeText(path, 'config.json', JSON.stringify(config))
  copyFolder(embedded, path, ['tokenizer.json', 'tokenizer_config.json'])
  return path
}
const bert = modelFolder('bert', 'onnx-bert', { model_type: 'bert', max_position_embeddings: 32, pad_token_id: 0 })
const sentences = [
  [5, 6, 7, 8],
  [9, 10],
  [11, 12, 13],
]
/** The hidden states that the classifier of the fixture reads. */
const hidden = async () => {
  const { model } = await openOnnxModel(bert)
  return model.graph.nodes.find(
    ({ opType, inputs }) => opType === 'LayerNormalization' && inputs[1]?.includes('layer.1.output'),
  )?.outputs[0] as string
}

describe('an exported encoder', () => {
  it('has transformers’ names, whatever the exporter called its matrices', async () => {
    const { model } = await openOnnxModel(bert)
    const { targets } = lora(model, { r: 2, target_modules: ['query', 'value'] })
    expect(targets.map(({ module }) => module)).toEqual(
      [0, 1].flatMap((i) => ['query', 'value'].map((name) => `bert.encoder.layer.${i}.attention.self.${name}`)),
    )
  })

  it.each(['first', 'mean', 'last'] as Pooling[])(
    'gets a head read at the %s token, trains, and computes the same from a mask on either side',
    async (pooling) => {
      const { model } = await openOnnxModel(bert)
      const headed = withHead(model, {
        num_labels: 3,
        pooling,
        name: 'classifier',
        bias: true,
        hidden: await hidden(),
        seed: 1,
      })
      const injected = lora(headed, { task_type: 'SEQ_CLS', r: 2, target_modules: 'all-linear' })
      expect([...injected.trainable].filter((name) => name.startsWith('classifier'))).toEqual([
        'classifier.weight',
        'classifier.bias',
      ])
      const collate = paddedBatches(injected.graph)
      const session = await TrainingSession.create({
        artifacts: generateArtifacts(injected, { loss: crossEntropy(), optimizer: sgd() }),
        device: defaultDevice(),
      })
      const labels = { labels: { data: Int32Array.of(0, 2, 1), dims: [3] } }
      const { outputs } = await session.runTrainStep({ ...collate(sentences), ...labels })
      expect(
        [...(await session.getGradients()).values()].filter((value) => toFloat32(value).some((x) => x !== 0)).length,
      ).toBeGreaterThan(10)
      await session.release()

      const graph = withMaskedInputs(merge(injected))
      const run = await openSession({ graph }, defaultDevice())
      const columns = 6
      const padded = (side: 'left' | 'right', value: (id: number) => number) =>
        BigInt64Array.from(
          sentences.flatMap((sentence) => {
            const rest = new Array<number>(columns - sentence.length).fill(0)
            return side === 'right' ? [...sentence.map(value), ...rest] : [...rest, ...sentence.map(value)]
          }),
          BigInt,
        )
      const tensor = (data: BigInt64Array) => new OrtTensor('int64', data, [3, columns])
      const { logits } = await run.run({
        input_ids: tensor(padded('right', (id) => id)),
        attention_mask: tensor(padded('right', () => 1)),
      })
      await run.release()
      expect((logits as OrtTensor).data as Float32Array).toBeAllclose(outputs.logits?.data ?? [], { atol: 1e-5 })
    },
  )

  it('takes an adapter back, head included, and exports a classifier', async () => {
    const { model, config } = await openOnnxModel(bert)
    const headed = withHead(model, {
      num_labels: 2,
      pooling: 'mean',
      name: 'classifier',
      bias: true,
      hidden: await hidden(),
    })
    const start = lora(headed, { task_type: 'SEQ_CLS', r: 2, target_modules: ['query', 'dense'] })
    const after = moved(start, 1)
    const adapter = { config: after.config, tensors: adapterTensors(after) }
    expect([...adapter.tensors.keys()].filter((name) => !name.includes('lora_'))).toEqual([
      'base_model.model.classifier.bias',
      'base_model.model.classifier.weight',
    ])
    const loaded = loadAdapter(headed, adapter)
    for (const name of after.trainable)
      expect(toFloat32(loaded.graph.initializers.get(name) as Tensor)).toEqual(
        toFloat32(after.graph.initializers.get(name) as Tensor),
      )
    exportMerged(after, { folder: folder('exported'), config, tokenizerFolder: bert, labels: ['no', 'yes'] })
    expect(JSON.parse(readText(folder('exported'), 'config.json'))).toMatchObject({
      id2label: { 0: 'no', 1: 'yes' },
      model_type: 'bert',
    })
  })

  it('says what is missing', async () => {
    const { model } = await openOnnxModel(bert)
    const head = { num_labels: 2, pooling: 'mean', name: 'classifier' } as const
    expect(() => withHead(model, { ...head, hidden: 'logits' })).toThrow(
      /option hidden, "logits": not hidden states, expected \[batch, sequence, width\].*found logits: float32\[batch, 2\].*Name one with "hidden"/,
    )
    expect(() => withHead(model, { ...head, hidden: 'states' })).toThrow(/"states": the model has no such value/)
    for (const [name, value] of Object.entries({ num_labels: '2', pooling: 'max', name: '', bias: 1, labels: [0, 1] }))
      expect(() => withHead(model, { ...head, [name]: value } as never)).toThrow(
        new RegExp(`withHead, option ${name}: not a valid value`),
      )
    expect(() => withHead(model, { num_labels: 2, name: 'score' } as never)).toThrow(/withHead, option pooling/)
    await expect(openOnnxModel(embedded)).rejects.toThrow(/no ONNX model, expected model\.onnx or onnx\/model\.onnx/)
    for (const [options, fix] of [
      [{ dtype: 'q4' }, 'Leave dtype out: it has onnx/model.onnx (fp32); for 4 bits, quantization: { bits: 4 }.'],
      [{ dtype: 'q8' }, 'Leave dtype out: it has onnx/model.onnx (fp32); for 8 bits, quantization: { bits: 8 }.'],
      [{ dtype: 'fp16' }, 'Leave dtype out: it has onnx/model.onnx (fp32).'],
      [{ file: 'model.onnx' }, 'Did you mean onnx/model.onnx?'],
      [{ file: 'weights.onnx' }, 'Name one that is there with the option file: onnx/model.onnx.'],
    ] as const)
      await expect(openOnnxModel(bert, options)).rejects.toMatchObject({ problem: { what: 'no ONNX model', fix } })
    await expect(openOnnxModel(embedded, { dtype: 'q4' })).rejects.toThrow(
      /expected model_q4\.onnx or onnx\/model_q4\.onnx, found.*Leave dtype out: .*Where it has none, export one/,
    )
    const bare = modelFolder('bare', 'onnx-bert', {})
    await expect(openOnnxModel(bare)).rejects.toThrow(ConfigError)
    writeText(bare, 'config.json', '{"model_type":"bert"}')
    const graph = createGraph('far')
    build(graph).node('Identity', [addInput(graph, 'x', 'float32', [1])], { outputs: ['y'] })
    graph.outputs = ['y']
    storeOf(bare).write('onnx/model.onnx', [writeModel(graph).subarray(0, 20)])
    await expect(openOnnxModel(bare)).rejects.toThrow(/onnx\/model\.onnx/)
  })
})
