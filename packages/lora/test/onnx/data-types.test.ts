// Models in float16 and bfloat16 against PyTorch (test/make-types.py).

import { filesOf } from '@cola/data'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  addInitializer,
  build,
  cast,
  checkTypes,
  type DataType,
  elements,
  getValue,
  type Graph,
  prune,
  readModel,
  type Tensor,
  tensor,
  tensorOf,
  toFloat32,
  widen,
  writeModel,
  parseSafetensors,
} from '@cola/graph'
import {
  defaultDevice,
  type Batch,
  crossEntropy,
  externalDataOf,
  feedsOf,
  generateArtifacts,
  loadClassifier,
  openSession,
  type OrtTensor,
  paddedBatches,
  sgd,
  TrainingSession,
} from '@cola/train'
import { beforeAll, describe, expect, it } from 'vitest'
import { copyFolder, folderAt, storeOf, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  adapterTensors,
  countParameters,
  exportMerged,
  inspect,
  loadAdapter,
  lora,
  merge,
  openOnnxModel,
  type OnnxModel,
  type Pooling,
  withHead,
} from '../../src/index.ts'
import { wordTokenizer } from '../support/decoder-files.ts'

const folder = temporaryFolders()
const fixtures = join(import.meta.dirname, '../fixtures/types')
interface Kind {
  name: string
  /** Type of the weights in the files. */
  dtype: DataType
  head: { name: string; pooling: Pooling; bias: boolean }
}
const kinds: Kind[] = [
  { name: 'llama-float16', dtype: 'float16', head: { name: 'score', pooling: 'last', bias: false } },
  { name: 'llama-bfloat16', dtype: 'bfloat16', head: { name: 'score', pooling: 'last', bias: false } },
  { name: 'bert-float16-io', dtype: 'float16', head: { name: 'classifier', pooling: 'first', bias: true } },
]
async function numbers(graph: Graph, batch: Batch): Promise<Float32Array> {
  const session = await openSession({ graph }, defaultDevice())
  const results = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
  await session.release()
  return (results[graph.outputs[0] as string] as OrtTensor).data as Float32Array
}

describe.each(kinds)('$name', ({ name, dtype, head }) => {
  const path = folder(name)
  const { tensors: expected } = parseSafetensors(
    new Uint8Array(readFileSync(join(fixtures, name, 'expected.safetensors'))),
  )
  const { tensors: inputs } = parseSafetensors(new Uint8Array(readFileSync(join(fixtures, name, 'inputs.safetensors'))))
  const right = (key: string): Float32Array => toFloat32(expected.get(key) as Tensor)
  const [ids, mask] = ['input_ids', 'attention_mask'].map((key) =>
    [...(elements(inputs.get(key) as Tensor) as BigInt64Array)].map(Number),
  ) as [number[], number[]]
  const rows = [0, 1, 2, 3].map((row) => ids.slice(7 * row, 7 * row + 7).filter((_, at) => mask[7 * row + at] === 1))
  const texts = rows.map((row) => row.map((id) => `w${id}`).join(' '))
  let opened: OnnxModel
  const headed = () => withHead(opened.model, { num_labels: 3, ...head })
  const loaded = () => loadAdapter(headed(), readAdapter(folderAt(join(fixtures, name, 'adapter'))))
  const batch = (graph: Graph): Batch => paddedBatches(graph)(rows)

  beforeAll(async () => {
    copyFolder(folderAt(join(fixtures, name)), path)
    writeText(path, 'tokenizer.json', JSON.stringify(wordTokenizer(40, 'w0')))
    opened = await openOnnxModel(path)
  })

  it('is of that type on disk', () => {
    const { initializers } = readModel(filesOf(path).read('model.onnx'), { externalData: externalDataOf(path) })
    expect([...initializers.values()].filter(({ dims }) => dims.length === 2).map((data) => data.dtype)).toContain(
      dtype,
    )
    const { tensors } = readAdapter(folderAt(join(fixtures, name, 'adapter')))
    expect(new Set([...tensors.values()].map((data) => data.dtype))).toEqual(new Set([dtype]))
  })

  it('is float32 when opened, all its layers are there, and its hidden states are PyTorch’s', async () => {
    const { graph } = opened.model
    checkTypes(graph)
    expect([...graph.values.values()].map((value) => value.dtype)).not.toContain(dtype)
    expect(inspect(opened.model).filter(({ kind }) => kind === 'linear')).toHaveLength(name.startsWith('llama') ? 7 : 6)
    expect(countParameters(opened.model).total).toBeGreaterThan(12_000)
    const hidden = await numbers(graph, batch(graph))
    const real = (values: Float32Array) => values.filter((_, i) => mask[Math.floor(i / 32)] === 1)
    expect(real(hidden)).toBeAllclose(real(right('hidden')), { atol: 2e-5 })
  })

  it('computes what the runtime computes on the file as it is, but for its rounding', async ({ skip }) => {
    if (dtype === 'bfloat16') skip('the runtime’s CPU has no bfloat16 kernels')
    const typed = readModel(filesOf(path).read('model.onnx'))
    const session = await openSession({ graph: typed }, defaultDevice())
    const { last_hidden_state: own } = await session.run(feedsOf(typed, typed.inputs, batch(typed)).feeds)
    await session.release()
    const { data, type } = own as OrtTensor
    const halves =
      type === 'float16'
        ? toFloat32(tensor('float16', [(data as Uint16Array).length], new Uint16Array((data as Uint16Array).buffer)))
        : data
    const real = (values: Float32Array) => values.filter((_, i) => mask[Math.floor(i / 32)] === 1)
    expect(real(halves as Float32Array)).toBeAllclose(real(await numbers(opened.model.graph, batch(typed))), {
      atol: 2e-2,
    })
  })

  it('takes its adapter: logits, merged or not, are PEFT’s', async () => {
    const model = loaded()
    checkTypes(model.graph)
    expect(await numbers(model.graph, batch(model.graph))).toBeAllclose(right('logits'), { atol: 2e-5 })
    const { graph } = merge(model)
    checkTypes(graph)
    expect(await numbers(graph, batch(graph))).toBeAllclose(right('merged'), { atol: 2e-5 })
    expect(new Set([...adapterTensors(model).values()].map((data) => data.dtype))).toEqual(new Set(['float32']))
  })

  it('trains: the loss and every gradient are PyTorch’s', async () => {
    const model = loaded()
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() }),
      device: defaultDevice(),
    })
    const labels = {
      data: Int32Array.from(elements(inputs.get('labels') as Tensor) as BigInt64Array, Number),
      dims: [4],
    }
    const { loss } = await session.runTrainStep({ ...batch(model.graph), labels })
    const gradients = await session.getGradients()
    await session.release()
    expect(loss).toBeCloseTo(right('loss')[0] as number, 5)
    expect(gradients.size).toBe([...expected.keys()].filter((key) => key.startsWith('grad.')).length)
    for (const [key, gradient] of gradients) {
      const wanted = expected.get(`grad.${key}`) ?? expected.get(`grad.base_model.model.${key}`)
      expect([key, wanted?.dims]).toEqual([key, [...gradient.dims]])
      expect(toFloat32(gradient)).toBeAllclose(toFloat32(wanted as Tensor), { atol: 2e-5 })
    }
  })

  it.each([
    ['float32', 2e-5, 'float32'],
    ['float16', 5e-3, 'float16'],
    ['int8', 3e-2, 'int8'],
    ['int4', 0.4, 'uint8'],
  ] as const)('is exported merged, in %s, and classifies as PEFT does', async (type, atol, stored) => {
    for (const layout of ['flat', 'hub'] as const) {
      const out = folder(`${name}-${type}-${layout}`)
      exportMerged(loaded(), { folder: out, config: opened.config, tokenizerFolder: path, dtype: type, layout })
      const classifier = await loadClassifier(out)
      expect(await classifier.logits(texts)).toBeAllclose(right('merged'), { atol })
      await classifier.release()
      if (layout === 'hub') continue
      const graph = readModel(filesOf(out).read('model.onnx'), { externalData: externalDataOf(out) })
      checkTypes(graph)
      expect(
        [...graph.initializers.values()].filter((data) => data.dtype === stored && data.dims.length > 1).length,
      ).toBeGreaterThan(1)
      expect(graph.outputs.map((output) => graph.values.get(output)?.dtype)).toEqual(['float32'])
    }
  })

  it('is loaded as a classifier whose file computes in that type, its logits included', async () => {
    const graph = readModel(filesOf(path).read('model.onnx'))
    const g = build(graph)
    const states = getValue(graph, graph.outputs[0] as string)
    const first = g.Gather(states, g.constant('zero', tensor('int64', [], BigInt64Array.of(0n))), { axis: 1 })
    const weight = tensorOf(
      dtype,
      [3, 32],
      Array.from({ length: 96 }, (_, i) => Math.sin(i)),
    )
    g.node('Gemm', [cast(g, first, dtype), addInitializer(graph, 'head.weight', weight)], {
      outputs: ['logits'],
      attributes: { transB: 1 },
    })
    graph.outputs = ['logits']
    prune(graph)
    const out = folder(`${name}-as-it-is`)
    storeOf(out).write('model.onnx', [writeModel(graph)])
    writeText(out, 'config.json', JSON.stringify({ id2label: { 0: 'a', 1: 'b', 2: 'c' }, pad_token_id: 0 }))
    copyFolder(path, out, ['tokenizer.json'])
    const classifier = await loadClassifier(out)
    const wide = widen(graph)
    expect(await classifier.logits(texts)).toBeAllclose(await numbers(wide, batch(wide)), { atol: 2e-2 })
    await classifier.release()
  })

  it('can be given an adapter as it was read, without being widened first', async () => {
    const typed = readModel(filesOf(path).read('model.onnx'))
    const bare = { graph: typed, trainable: new Set<string>() }
    expect(inspect(bare).filter(({ kind }) => kind === 'linear').length).toBeGreaterThanOrEqual(6)
    const model = lora(withHead(bare, { num_labels: 3, ...head }), {
      r: 2,
      target_modules: 'all-linear',
      init_lora_weights: false,
    })
    checkTypes(model.graph)
    expect((await numbers(model.graph, batch(model.graph))).every(Number.isFinite)).toBe(true)
  })
})
