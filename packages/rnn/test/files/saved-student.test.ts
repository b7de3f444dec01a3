import { join } from 'node:path'
import { readTokenizer } from '@cola/data'
import { elementCount, float32, tensorOf, toFloat32, type Tensor } from '@cola/graph'
import { loadClassifier, WeightsError } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { folderAt, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { reportStudent } from '../../../../examples/support/report/student.ts'
import {
  compact,
  createStudent,
  distilRnn,
  distilRnnInference,
  distilRnnShapes,
  exportStudent,
  distilRnnParameters,
  loadStudent,
  parseDistilRnnConfig,
  randomDistilRnn,
  randomEmbedding,
  saveStudent,
  vocabularyOf,
} from '../../src/index.ts'
import { sessionOf, sizes, startOf } from '../support/students.ts'

const folder = temporaryFolders()

describe('files', () => {
  it('saves, loads and exports a student that classifies as it did', async () => {
    const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
    const tokenizer = await readTokenizer(embedded)
    const texts = ['The girl laughs.', 'The girls in the garden often laughs.', 'A.']
    const encoded = texts.map((text) => tokenizer.encode(text))
    const config = parseDistilRnnConfig({ ...sizes, vocab_size: tokenizer.vocabSize, cell: 'gru', num_labels: 2 })
    const student = createStudent({ config, sentences: encoded, seed: 2 })
    const parameters = student.parameters(startOf(student))
    saveStudent(folder('saved'), { config, parameters })
    const saved = await loadStudent(folder('saved'))
    expect(saved.config).toEqual(config)
    const again = createStudent({
      config: saved.config,
      sentences: encoded,
      embedding: saved.embedding,
      parameters: saved.parameters,
    })
    for (const [name, value] of startOf(student))
      expect(toFloat32(startOf(again).get(name) as Tensor)).toEqual(toFloat32(value))

    const session = await sessionOf(student)
    const { outputs } = await session.runEvalStep({
      ...student.collate(encoded),
      labels: { data: new Int32Array(3), dims: [3] },
    })
    await session.release()
    exportStudent({
      folder: folder('classifier'),
      config,
      parameters,
      tokenizerFolder: embedded,
      labels: ['bad', 'good'],
    })
    const classifier = await loadClassifier(folder('classifier'))
    expect(await classifier.logits(texts)).toBeAllclose(outputs.logits?.data ?? [], { atol: 1e-6 })
    expect(
      (await classifier.classify(texts)).map(({ label }) => label).every((label) => ['bad', 'good'].includes(label)),
    ).toBe(true)
    await classifier.release()
  })

  it('exports and saves again what it loaded, with the embedding as a table or among the parameters', async () => {
    const config = parseDistilRnnConfig({ ...sizes, cell: 'gru' })
    const student = createStudent({ config, sentences: [[3, 4, 5]], seed: 3 })
    const from = folder('from')
    saveStudent(from, { config, parameters: student.parameters(startOf(student)) })
    const { embedding, ...whole } = await loadStudent(from)
    const bare = new Map([...whole.parameters].filter(([name]) => name !== 'embedding.weight'))
    for (const student of [whole, { ...whole, embedding }, { config, parameters: bare, embedding }]) {
      exportStudent({ folder: folder('onnx'), ...student })
      saveStudent(folder('again'), student)
      for (const name of ['model.safetensors', 'config.json'])
        expect(storeOf(folder('again')).read(name)).toEqual(storeOf(from).read(name))
    }
    const lacking = () => exportStudent({ folder: folder('onnx'), config, parameters: bare })
    expect(lacking).toThrow(WeightsError)
    expect(lacking).toThrow(/tensor "embedding\.weight": missing, expected \[60,6\].*loadStudent/)
    bare.set('embedding.weight', float32([60, 5], new Float32Array(300)))
    expect(lacking).toThrow(/tensor "embedding\.weight": its shape.*expected \[60,6\], found \[60,5\]/)
    const lacksBias = new Map(whole.parameters)
    lacksBias.delete('rnn.bias_ih_l0')
    expect(() => distilRnnInference(config, lacksBias)).toThrow(/tensor "rnn\.bias_ih_l0": missing/)
  })

  it.each(['float16', 'bfloat16', 'float64'] as const)('reads a student that was saved in %s', async (dtype) => {
    const config = parseDistilRnnConfig({ ...sizes, cell: 'gru' })
    const values = (dims: readonly number[]) => Array.from({ length: elementCount(dims) }, (_, i) => (i % 7) / 4 - 0.5)
    const shapes = new Map<string, readonly number[]>([
      ['embedding.weight', [config.vocab_size, config.embedding_size]],
      ...distilRnnShapes(config),
    ])
    const out = folder(dtype)
    saveStudent(out, {
      config,
      parameters: new Map([...shapes].map(([name, dims]) => [name, tensorOf(dtype, dims, values(dims))])),
    })
    const { parameters, embedding } = await loadStudent(out)
    for (const [name, value] of parameters) {
      expect([name, value.dtype]).toEqual([name, 'float32'])
      expect([...toFloat32(value)]).toEqual(values(value.dims))
    }
    expect([...embedding.row(1)]).toEqual(
      values(shapes.get('embedding.weight') as number[]).slice(config.embedding_size, 2 * config.embedding_size),
    )
    saveStudent(out, {
      config,
      parameters: new Map(
        [...shapes].map(([name, dims]) => [name, tensorOf('int64', dims, values(dims).map(Math.round))]),
      ),
    })
    await expect(loadStudent(out)).rejects.toThrow(
      /tensor "embedding\.weight": not floating point, expected F32, F16, BF16 or F64, found int64/,
    )
  })

  it('names the field or tensor that is wrong', async () => {
    expect(() => parseDistilRnnConfig({ ...sizes, cell: 'elman' })).toThrow(/field "cell".*elman/)
    expect(() => parseDistilRnnConfig({ ...sizes, id2label: { 0: 'a', 1: 'b' } })).toThrow(/num_labels/)
    const { num_labels: _, ...others } = sizes
    expect(parseDistilRnnConfig({ ...others, id2label: { 0: 'a', 1: 'b', 2: 'c', 3: 'd' } }).num_labels).toBe(4)
    const config = parseDistilRnnConfig(sizes)
    saveStudent(folder('bad'), { config, parameters: new Map(randomDistilRnn(config)) })
    await expect(loadStudent(folder('bad'))).rejects.toThrow(/embedding\.weight/)
    const fewer = parseDistilRnnConfig({ ...sizes, num_layers: 1 })
    expect(() => distilRnnParameters(randomDistilRnn(config), fewer)).toThrow(
      /tensor "rnn\.weight_ih_l1": the configuration has no such parameter, expected num_layers 1/,
    )
    const broken = new Map(randomDistilRnn(config))
    const bias = toFloat32(broken.get('rnn.bias_hh_l1') as Tensor).slice()
    bias[3] = Number.NaN
    broken.set('rnn.bias_hh_l1', float32([bias.length], bias))
    saveStudent(folder('broken'), {
      config,
      parameters: broken.set('embedding.weight', float32([60, 6], new Float32Array(360))),
    })
    await expect(loadStudent(folder('broken'))).rejects.toThrow(
      /model\.safetensors, tensor "rnn\.bias_hh_l1": element 3 is not a finite number, found NaN/,
    )
  })

  it('of two layers of 768 has 40.96M parameters with GPT-2’s vocabulary', () => {
    const config = parseDistilRnnConfig({ ...reportStudent, vocab_size: 50257 })
    const { graph, trainable } = distilRnn(
      config,
      compact(randomEmbedding(1, 768), vocabularyOf([[0]])),
      randomDistilRnn(config),
      { max_length: 1 },
    )
    const size = [...trainable].reduce(
      (sum, name) => sum + (graph.initializers.get(name)?.dims.reduce((a, b) => a * b, 1) ?? 0),
      0,
    )
    expect(size + 50256 * 768).toBe(40_961_282)
  })
})
