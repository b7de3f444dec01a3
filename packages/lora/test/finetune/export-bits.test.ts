// Exports of models without a cache whose base is in 4 or 8 bits: matrices keep their codes.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFiles, sha256 } from '@cola/data'
import { decodeGraph, type Graph, type Tensor } from '@cola/graph'
import { defaultDevice, externalDataOf, loadClassifier } from '@cola/train'
import { readJson } from '@cola/train/files'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyFolder, type Folder, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import {
  type FineTuned,
  fineTune,
  type FineTunedExportOptions,
  type Quantization,
  readOnnxModel,
} from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = temporaryFolders()

const hex = (data: Tensor): string => sha256([data.bytes()])
const texts = ['cats sleep', 'girls laugh', 'the cat sleeps', 'the girl laughs']

function quantizedFile(): Folder {
  const folder = out('q8')
  copyFolder(exportFolder(out, 'bert-seq-torchscript'), folder, [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
  const file = join(import.meta.dirname, '../fixtures/quantized/bert-int8/model_quantized.onnx')
  storeOf(folder).write('onnx/model_quantized.onnx', [new Uint8Array(readFileSync(file))])
  return folder
}

const plainFile = (): Folder => exportFolder(out, 'bert-seq-torchscript')
const block_size = 16
const llama = (): Folder => exportFolder(out, 'llama-lm-torchscript')
const bases: [string, () => Folder, Quantization | undefined, number][] = [
  ['a file in eight bits', quantizedFile, undefined, 8],
  ['eight bits by the option', plainFile, { bits: 8, block_size }, 8],
  ['four bits by the option', plainFile, { bits: 4, block_size }, 4],
  ['a decoder without a cache', llama, { bits: 8, block_size }, 8],
]

describe.each(bases)('%s', (base, source, quantization, bits) => {
  let tuned: FineTuned
  let original: Graph['initializers']
  let targets: Set<string>
  let right: number[]

  beforeAll(async () => {
    tuned = await fineTune(source(), {
      train: texts.map((text, i) => ({ text, label: i < 2 ? 'many' : 'one' })),
      epochs: 4,
      batch_size: 4,
      learning_rate: 0.02,
      lora: { target_modules: ['query', 'value', 'q_proj', 'v_proj'] },
      device: defaultDevice(),
      ...(quantization && { quantization }),
    })
    const adapted = await tuned.adapted()
    original = adapted.base.initializers
    targets = new Set(adapted.targets.map(({ weight }) => weight))
    right = (await tuned.classify(texts)).flatMap(({ probabilities }) => probabilities)
  })
  afterAll(() => tuned.release())

  async function exported(options: FineTunedExportOptions) {
    const folder = out(`${base}${JSON.stringify(options).replace(/\W+/g, '-')}`)
    const { file: name, requantized } = await tuned.export(folder, options)
    const files = await openFiles(folder)
    const { graph } = readOnnxModel(files, name, readJson(files, 'config.json') as { model_type: string })
    const { initializers: file } = decodeGraph(files.read(name), { externalData: externalDataOf(files) })
    const classifier = await loadClassifier(folder, { device: defaultDevice() })
    const found = (await classifier.classify(texts)).flatMap(({ probabilities }) => probabilities)
    await classifier.release()
    return { name, file, model: graph.initializers, requantized, found }
  }

  /** The bytes of the codes of the base's matrices that an export has, and of those that it lacks. */
  function codesIn(file: Graph['initializers'], isExpected = (_: string): boolean => true) {
    const written = new Set([...file.values()].flatMap((data) => (data.dtype === 'uint8' ? [hex(data)] : [])))
    const packed = [...original].flatMap(([matrix, data]) => (data.packed ? [[matrix, data.packed] as const] : []))
    const expected = packed.filter(([matrix]) => isExpected(matrix))
    return { count: expected.length, lacks: expected.filter(([, { codes }]) => !written.has(hex(codes))) }
  }

  it('keeps all codes with merge: false, and gives the numbers of the fine-tuned model', async () => {
    const { file, found, requantized } = await exported({ merge: false })
    expect(requantized).toBeUndefined()
    const { count, lacks } = codesIn(file)
    expect(lacks.map(([matrix]) => matrix)).toEqual([])
    expect(count).toBeGreaterThan(5)
    expect(found).toBeAllclose(right, { atol: 1e-5 })
  })

  it.each([{}, { dtype: 'packed' }] as const)(
    'keeps its bits when merged with %j, and the codes elsewhere',
    async (form) => {
      const { file, model, found, requantized } = await exported(form)
      expect(requantized?.matrices).toBe(targets.size)
      const read = (target: string) => [...model].find(([matrix]) => matrix.endsWith(target))?.[1]
      for (const target of targets) expect(read(target)?.packed?.bits, target).toBe(bits)
      const { count, lacks } = codesIn(file, (matrix) => !targets.has(matrix))
      expect(lacks.map(([matrix]) => matrix)).toEqual([])
      expect(count).toBeGreaterThan(3)
      if (bits === 8) expect(found).toBeAllclose(right, { atol: 0.02 })
    },
  )

  it('is float32 where that is asked for', async () => {
    const { file, found } = await exported({ dtype: 'float32' })
    expect([...file.values()].filter(({ dtype }) => dtype === 'uint8')).toEqual([])
    expect(found).toBeAllclose(right, { atol: 1e-5 })
  })

  it('has transformers.js’s name for its bits', async () => {
    const { name } = await exported({ layout: 'hub' })
    expect(name).toBe(bits === 8 ? 'onnx/model_quantized.onnx' : 'onnx/model_q4.onnx')
  })
})
