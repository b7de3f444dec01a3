// Where the runtime computes the graphs on WebGPU, by its own profile.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { addInput, build, createGraph, elementCount, type Graph, readOutline } from '@cola/graph'
import { lora, openBase, withHead } from '@cola/lora'
import { adamw, crossEntropy, generateArtifacts, loadClassifier, paddedBatches } from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import { decoderFiles, decoders, json, read } from '../packages/lora/test/support/decoder-files.ts'
import { exportFolder, exportNames } from '../packages/lora/test/support/export-folder.ts'
import { forDevice } from '../packages/train/src/classify/classifier-model.ts'
import { keepGpu } from './kept-gpu.ts'
import { compare } from './parity/compare.ts'
import { type PlacedNode, placementOf } from './placement.ts'
import { root } from './root.ts'
import { smallEncoder, smallGpt2 } from './small-models.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-placement-'))
afterAll(() => rmSync(out, { recursive: true }))

const graphs = ['trainingModel', 'evalModel', 'optimizerModel'] as const

/** The shapes that the encoder's step joins on the CPU: bytes of each. */
const joinedShapes = {
  Concat_1: 'Concat, 32 bytes',
  Concat_2: 'Concat, 32 bytes',
  Concat_3: 'Concat, 24 bytes',
}

/**
 * The same of the decoders' steps, by PyTorch's two exporters. The Gather is the runtime's own: the order of a shape's
 * axes where it has moved a transpose.
 */
const decoderShapes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'gpt2-lm-dynamo': { Concat_2: 'Concat, 24 bytes', Concat_3: 'Concat, 32 bytes' },
  'llama-lm-torchscript': {
    Concat_9: 'Concat, 24 bytes',
    Concat_10: 'Concat, 40 bytes',
    Gather_token_0: 'Gather, 32 bytes',
  },
  'llama-qa-torchscript': {
    Concat_9: 'Concat, 24 bytes',
    Concat_10: 'Concat, 40 bytes',
    Gather_token_0: 'Gather, 32 bytes',
  },
}

const joined = (...concats: readonly number[]): Record<string, string> => ({
  ...Object.fromEntries(concats.map((number) => [`Concat_${number}`, 'Concat, 24 bytes'])),
  Gather_token_0: 'Gather, 32 bytes',
})

/** The same of golden cases: onnxruntime-genai's builder, with fused attention, and PyTorch's newer exporter. */
const goldenShapes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'decoder-qwen2': joined(16, 17),
  'decoder-gemma2': joined(16, 17, 22),
  'decoder-phi3': joined(8, 11),
  'onnx-gpt_neo-dynamo': {
    ...joined(1, 5, 11),
    Concat: 'Concat, 32 bytes',
    node_Concat_119: 'Concat, 24 bytes',
  },
}

/** Bytes of shapes that a kernel of the GPU reads from the host's. */
const copiedShapes: Readonly<Record<string, number>> = { 'onnx-gpt_neo-dynamo': 40 }

/** A golden case as a folder that opens. */
function goldenFolder(name: string): string {
  const files = name.startsWith('decoder-')
    ? decoderFiles(name)
    : {
        ...decoderFiles('decoder-qwen2'),
        'config.json': json({ model_type: 'gpt_neo' }),
        'onnx/model.onnx': read(join(decoders, name, 'model.onnx')),
      }
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(out, name, file)), { recursive: true })
    writeFileSync(join(out, name, file), bytes)
  }
  return join(out, name)
}

/** Exports of encoders, by PyTorch's two exporters. */
const encoders = exportNames.filter((name) => /^(albert|bert|distilbert|roberta)/.test(name))
const miniLm = join(root, '../shared/data/minilm-l6')

/** A training step of an exported encoder with LoRA: where it runs on WebGPU, and what the CPU computes of it. */
async function stepOf(folder: string) {
  const base = await openBase(folder)
  const pooling = base.causal ? 'last' : 'mean'
  const head = withHead(base.hiddenStates(), { num_labels: 2, pooling, name: 'classifier', bias: true })
  const model = lora(head, { task_type: 'SEQ_CLS', r: 4, lora_alpha: 8, target_modules: 'all-linear' })
  const { trainingModel, blocks } = generateArtifacts(model, { loss: crossEntropy(), optimizer: adamw() })
  // The second sentence is padded.
  const { batch } = base.batches(trainingModel)([{ input_ids: [2, 5, 6, 3] }, { input_ids: [2, 7, 3] }])
  const parameters = blocks.map(({ name, dims }) => [
    name,
    { data: Float32Array.from({ length: elementCount(dims) }, (_, i) => 0.1 * Math.sin(i)), dims },
  ])
  const whole = { ...batch, labels: { data: Int32Array.of(0, 1), dims: [2] }, ...Object.fromEntries(parameters) }
  return { gpu: await placementOf(trainingModel, 'webgpu', whole), cpu: await placementOf(trainingModel, 'cpu', whole) }
}

/** What the CPU has of a step, by name; the rest is computed as on the CPU. */
async function hostNodesOf(folder: string, bytesCopied = 0): Promise<readonly PlacedNode[]> {
  const { gpu, cpu } = await stepOf(folder)
  expect(gpu.bytesCopied).toBe(bytesCopied)
  for (const [name, { data, dims }] of Object.entries(cpu.outputs)) {
    expect(gpu.outputs[name]?.dims).toEqual(dims)
    const { worst } = compare('step', name, gpu.outputs[name]?.data as Float32Array, data as Float32Array)
    expect(worst, name).toBeLessThanOrEqual(1)
  }
  return gpu.nodes.filter(({ onHost }) => onHost)
}

async function runsOnTheGpu(folder: string): Promise<void> {
  const host = await hostNodesOf(folder)
  expect(host.filter(({ opType, isShape }) => !isShape || !['Shape', 'Concat'].includes(opType))).toEqual([])
  expect(host.length).toBeLessThanOrEqual(5)
}

/** Classifiers of PyTorch's two exporters, as `loadClassifier` opens them: the shapes that the CPU joins. */
const classifiers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'albert-seq-torchscript': {
    Concat_9: 'Concat, 32 bytes',
    Concat_10: 'Concat, 32 bytes',
    Concat_11: 'Concat, 24 bytes',
    Concat_12: 'Concat, 24 bytes',
  },
  'bert-seq-torchscript': {
    Concat_4: 'Concat, 32 bytes',
    Concat_5: 'Concat, 32 bytes',
    Concat_6: 'Concat, 24 bytes',
  },
  'distilbert-seq-torchscript': {
    Concat_4: 'Concat, 32 bytes',
    Concat_5: 'Concat, 32 bytes',
    Concat_6: 'Concat, 24 bytes',
  },
  'roberta-seq-dynamo': {
    Concat_4: 'Concat, 32 bytes',
    Concat_5: 'Concat, 32 bytes',
    Concat_6: 'Concat, 24 bytes',
    Concat_7: 'Concat, 24 bytes',
  },
}

/** Texts of several lengths, so that some are padded. */
const texts = ['the cat sleeps', 'girls laugh', 'the dog the boys the girl laugh']

/** What the CPU has of a classifier that WebGPU runs. */
async function hostNodesOfClassifier(folder: string): Promise<readonly PlacedNode[]> {
  const file = readFileSync(join(folder, 'model.onnx'))
  const graph = forDevice(file, readOutline(file), {}) as Graph
  const collate = paddedBatches(graph)
  const batch = collate([{ input_ids: [2, 5, 6, 3] }, { input_ids: [2, 7, 3] }])
  return (await placementOf(graph, 'webgpu', batch)).nodes.filter(({ onHost }) => onHost)
}

const listed = (host: readonly PlacedNode[]): Record<string, string> =>
  Object.fromEntries(host.map(({ name, opType, bytes }) => [name, `${opType}, ${bytes} bytes`]))

describe.skipIf(!existsSync(process.env.VK_ICD_FILENAMES ?? ''))('on webgpu', () => {
  keepGpu()
  it.each(graphs)('every node of the small GPT-2’s %s runs on the GPU', async (name) => {
    const { artifacts, batch } = smallGpt2()
    const { nodes, bytesCopied } = await placementOf(artifacts[name], 'webgpu', batch)
    expect(nodes.filter(({ onHost }) => onHost)).toEqual([])
    expect(bytesCopied).toBe(0)
    expect(nodes.length).toBeGreaterThan(10)
  })
  it('a step of the small GPT-2 starts at most 350 kernels', async () => {
    const { artifacts, batch } = smallGpt2()
    const training = await placementOf(artifacts.trainingModel, 'webgpu', batch)
    const optimizer = await placementOf(artifacts.optimizerModel, 'webgpu', batch)
    const dispatches = training.dispatches.length + optimizer.dispatches.length
    expect(dispatches).toBeGreaterThan(300)
    expect(dispatches).toBeLessThanOrEqual(350)
  })
  it('the encoder leaves to the CPU shapes that are joined from others, and nothing else', async () => {
    const { artifacts, batch } = smallEncoder()
    const { nodes } = await placementOf(artifacts.trainingModel, 'webgpu', batch)
    const host = nodes.filter(({ onHost }) => onHost)
    expect(listed(host)).toEqual(joinedShapes)
  })
  it.each(encoders)('%s leaves to the CPU shapes only, and computes what the CPU does', (name) =>
    runsOnTheGpu(exportFolder((model) => join(out, model), name)),
  )
  it.each(Object.entries(decoderShapes))(
    '%s leaves these shapes to the CPU, and computes what the CPU does',
    async (name, shapes) => {
      const host = await hostNodesOf(exportFolder((model) => join(out, model), name))
      expect(listed(host)).toEqual(shapes)
      expect(host.filter(({ isShape }) => !isShape)).toEqual([])
    },
  )
  it.each(Object.entries(goldenShapes))(
    'the golden case %s leaves these shapes to the CPU, and computes what the CPU does',
    async (name, shapes) => {
      const host = await hostNodesOf(goldenFolder(name), copiedShapes[name])
      expect(listed(host)).toEqual(shapes)
      expect(host.filter(({ isShape }) => !isShape)).toEqual([])
    },
    600_000,
  )
  it.each(Object.entries(classifiers))(
    'loadClassifier runs %s there but for these shapes, with the logits of the CPU',
    async (name, shapes) => {
      const folder = exportFolder((model) => join(out, model), name)
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as object
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...config, id2label: { 0: 'a', 1: 'b', 2: 'c' } }))
      const logits = []
      for (const device of ['cpu', 'webgpu'] as const) {
        const classifier = await loadClassifier(folder, { device })
        logits.push(await classifier.logits(texts))
        await classifier.release()
      }
      expect(
        compare('classifier', name, logits[1] as Float32Array, logits[0] as Float32Array).worst,
      ).toBeLessThanOrEqual(1)
      const host = await hostNodesOfClassifier(folder)
      expect(listed(host)).toEqual(shapes)
    },
  )
  it('what stays on the CPU and is no shape is seen, with the bytes that are copied', async () => {
    const graph = createGraph('graph')
    const g = build(graph)
    // WebGPU has no Mod.
    const rest = g.Mod(g.Neg(addInput(graph, 'x', 'float32', [2, 3])), g.scalar(2), { fmod: 1 })
    g.node('Neg', [rest], { outputs: ['y'] })
    graph.outputs = ['y']
    const x = { data: new Float32Array(6), dims: [2, 3] }
    const { nodes, bytesCopied } = await placementOf(graph, 'webgpu', { x })
    expect(nodes.filter(({ onHost }) => onHost).map(({ opType }) => opType)).toEqual(['Mod'])
    expect(bytesCopied).toBe(2 * 6 * 4)
  })
  it.skipIf(!existsSync(miniLm))('MiniLM does as well', () => runsOnTheGpu(miniLm), 600_000)
})
