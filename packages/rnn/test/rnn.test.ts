import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { random, readTokenizer } from '@cola/data'
import { elementCount, float32, type Tensor, tensorOf, toFloat32 } from '@cola/graph'
import {
  adam,
  type Batch,
  ConfigError,
  crossEntropy,
  FeedError,
  generateArtifacts,
  loadClassifier,
  openSession,
  OrtTensor,
  TrainingSession,
  WeightsError,
} from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import { reportStudent } from '../../../examples/support/report/student.ts'
import {
  compact,
  createStudent,
  type DistilRnnConfig,
  distilRnn,
  distilRnnInference,
  distilRnnShapes,
  exportStudent,
  loadStudent,
  parseDistilRnnConfig,
  randomDistilRnn,
  randomEmbedding,
  saveStudent,
  type Student,
  vocabularyOf,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-rnn-'))
afterAll(() => rmSync(folder, { recursive: true }))

const sizes = {
  ...{ vocab_size: 60, embedding_size: 6, hidden_size: 5, num_layers: 2, num_labels: 3 },
  ...{ cell: 'rnn', bidirectional: false, pooling: 'last' },
} as const
const stream = random(3, 'sentences')
const sentences = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: [4, 7, 1, 4, 9, 2, 7, 3, 5][i] as number }, () => 10 + stream.integer(30)),
)
const labels: Batch = { labels: { data: Int32Array.from(sentences, (_, i) => i % 3), dims: [sentences.length] } }

const startOf = ({ model }: Student): Map<string, Tensor> =>
  new Map([...model.trainable].map((name) => [name, model.graph.initializers.get(name) as Tensor]))

async function sessionOf({ model }: Pick<Student, 'model'>) {
  return TrainingSession.create({
    artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: adam() }),
    device: 'cpu',
  })
}

/** Logits of ONNX's own recurrent operator over padded sentences. */
async function inferred(config: DistilRnnConfig, student: Student, side: 'left' | 'right'): Promise<Float32Array> {
  const graph = distilRnnInference(config, student.parameters(startOf(student)))
  const columns = 11
  const [ids, mask] = [new BigInt64Array(sentences.length * columns), new BigInt64Array(sentences.length * columns)]
  sentences.forEach((sentence, i) => {
    const start = i * columns + (side === 'left' ? columns - sentence.length : 0)
    sentence.forEach((id, k) => {
      ids[start + k] = BigInt(id)
      mask[start + k] = 1n
    })
  })
  const session = await openSession({ graph }, 'cpu')
  const dims = [sentences.length, columns]
  const { logits } = await session.run({
    input_ids: new OrtTensor('int64', ids, dims),
    attention_mask: new OrtTensor('int64', mask, dims),
  })
  await session.release()
  return (logits as OrtTensor).data as Float32Array
}

const variants = (['rnn', 'gru', 'lstm'] as const).flatMap((cell) =>
  [false, true].flatMap((bidirectional) =>
    (['last', 'mean', 'max'] as const).map((pooling) => ({ cell, bidirectional, pooling })),
  ),
)

describe('the unrolled student', () => {
  it.each(variants)(
    '$cell, bidirectional $bidirectional, $pooling: is ONNX’s operator over padded sentences, on either side',
    async (variant) => {
      const config = parseDistilRnnConfig({ ...sizes, ...variant })
      const student = createStudent({ config, sentences, seed: 4 })
      const session = await sessionOf(student)
      const { outputs } = await session.runEvalStep({ ...student.collate(sentences), ...labels })
      await session.release()
      for (const side of ['right', 'left'] as const)
        expect(outputs.logits?.data ?? []).toBeAllclose(await inferred(config, student, side), { atol: 1e-6 })
    },
  )

  it.each(variants)(
    '$cell, bidirectional $bidirectional, $pooling: its gradients are finite differences',
    async (variant) => {
      const config = parseDistilRnnConfig({ ...sizes, ...variant })
      const student = createStudent({ config, sentences, seed: 4 })
      const session = await sessionOf(student)
      const batch = { ...student.collate(sentences), ...labels }
      await session.runTrainStep(batch)
      const gradients = await session.getGradients()
      const start = startOf(student)
      for (const [name, value] of start) {
        // Along the gradient itself: the directional derivative is its squared length over its length.
        const gradient = toFloat32(gradients.get(name) as Tensor)
        const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0))
        const at = async (step: number) => {
          const moved = toFloat32(value).map((x, i) => x + (step * (gradient[i] as number)) / length)
          await session.setParameters(new Map([[name, { ...value, bytes: () => new Uint8Array(moved.buffer) }]]))
          return (await session.runEvalStep(batch)).loss
        }
        const numeric = ((await at(2e-3)) - (await at(-2e-3))) / 4e-3
        await session.setParameters(new Map([[name, value]]))
        expect(Math.abs(numeric - length), name).toBeLessThan(5e-4 + 0.01 * length)
      }
      await session.release()
    },
  )

  it('takes batches of any length up to its steps with one session', async () => {
    const student = createStudent({ config: parseDistilRnnConfig(sizes), sentences, max_length: 40 })
    const session = await sessionOf(student)
    for (const batch of [
      [sentences[2]],
      [sentences[4], sentences[2]],
      [Array.from({ length: 40 }, () => (sentences[0] as number[])[0] as number)],
    ] as number[][][]) {
      const result = await session.runEvalStep({
        ...student.collate(batch),
        labels: { data: new Int32Array(batch.length), dims: [batch.length] },
      })
      expect(result.outputs.logits?.dims).toEqual([batch.length, 3])
    }
    await session.release()
  })
})

describe('the compact embedding', () => {
  it('trains as the whole table does, and comes back at full size', async () => {
    const config = parseDistilRnnConfig(sizes)
    const table = randomEmbedding(60, 6, { seed: 8 })
    const some = createStudent({ config, sentences, embedding: table, seed: 1 })
    const every = vocabularyOf([Array.from({ length: 60 }, (_, i) => i)])
    const all = createStudent({
      config,
      sentences: [...sentences, ...every.ids.map((id) => [id])],
      embedding: table,
      seed: 1,
    })
    const trained = async (student: Student) => {
      const session = await sessionOf(student)
      for (let step = 0; step < 5; step++) {
        session.lazyResetGrad()
        await session.runTrainStep({
          ...student.collate(sentences.slice(step, step + 4)),
          labels: { data: Int32Array.of(0, 1, 2, 0), dims: [4] },
        })
        await session.runOptimizerStep({ learningRate: 1e-2 })
      }
      const parameters = student.parameters(await session.getParameters())
      await session.release()
      return parameters
    }
    const [a, b] = [await trained(some), await trained(all)]
    for (const [name, value] of b) {
      expect(a.get(name)?.dims).toEqual(value.dims)
      expect(toFloat32(a.get(name) as Tensor)).toBeAllclose(toFloat32(value), { atol: 1e-6 })
    }
  })

  it('refuses tokens that it has no row for', () => {
    const student = createStudent({ config: parseDistilRnnConfig(sizes), sentences })
    expect(() => student.collate([[59]])).toThrow(FeedError)
    expect(() => student.collate([sentences[0] as number[], [59]])).toThrow(/row 2 of the batch/)
    for (const id of [-1, 60, 1.5])
      expect(() => createStudent({ config: parseDistilRnnConfig(sizes), sentences: [...sentences, [id]] })).toThrow(
        new RegExp(`sentence ${sentences.length + 1}: a token id without a row.*expected 0 to 59, found ${id}`),
      )
    expect(() => compact(randomEmbedding(20, 6), vocabularyOf(sentences))).toThrow(WeightsError)
    const broken = { rows: 4, width: 2, row: (id: number) => Float32Array.of(0, id === 2 ? Number.NaN : 1) }
    expect(() => compact(broken, vocabularyOf([[1, 2]]))).toThrow(
      /embedding table, row 2: not finite numbers, found NaN/,
    )
    expect(() =>
      createStudent({
        config: parseDistilRnnConfig({ ...sizes, embedding_size: 4 }),
        sentences,
        embedding: randomEmbedding(60, 6),
      }),
    ).toThrow(ConfigError)
  })
})

describe('files', () => {
  it('saves, loads and exports a student that classifies as it did', async () => {
    const embedded = join(import.meta.dirname, '../../../examples/model')
    const tokenizer = await readTokenizer(embedded)
    const texts = ['The girl laughs.', 'The girls in the garden often laughs.', 'A.']
    const encoded = texts.map((text) => tokenizer.encode(text))
    const config = parseDistilRnnConfig({ ...sizes, vocab_size: tokenizer.vocabSize, cell: 'gru', num_labels: 2 })
    const student = createStudent({ config, sentences: encoded, seed: 2 })
    const parameters = student.parameters(startOf(student))
    saveStudent(folder, { config, parameters })
    const saved = loadStudent(folder)
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
      folder: join(folder, 'classifier'),
      config,
      parameters,
      tokenizerFolder: embedded,
      labels: ['bad', 'good'],
    })
    const classifier = await loadClassifier(join(folder, 'classifier'))
    expect(await classifier.logits(texts)).toBeAllclose(outputs.logits?.data ?? [], { atol: 1e-6 })
    expect(
      (await classifier.classify(texts)).map(({ label }) => label).every((label) => ['bad', 'good'].includes(label)),
    ).toBe(true)
    await classifier.release()
  })

  it.each(['float16', 'bfloat16', 'float64'] as const)('reads a student that was saved in %s', (dtype) => {
    const config = parseDistilRnnConfig({ ...sizes, cell: 'gru' })
    const values = (dims: readonly number[]) => Array.from({ length: elementCount(dims) }, (_, i) => (i % 7) / 4 - 0.5)
    const shapes = new Map<string, readonly number[]>([
      ['embedding.weight', [config.vocab_size, config.embedding_size]],
      ...distilRnnShapes(config),
    ])
    const out = join(folder, dtype)
    saveStudent(out, {
      config,
      parameters: new Map([...shapes].map(([name, dims]) => [name, tensorOf(dtype, dims, values(dims))])),
    })
    const { parameters, embedding } = loadStudent(out)
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
    expect(() => loadStudent(out)).toThrow(
      /tensor "embedding\.weight": not floating point, expected F32, F16, BF16 or F64, found int64/,
    )
  })

  it('names the field or tensor that is wrong', () => {
    expect(() => parseDistilRnnConfig({ ...sizes, cell: 'elman' })).toThrow(/field "cell".*elman/)
    expect(() => parseDistilRnnConfig({ ...sizes, id2label: { 0: 'a', 1: 'b' } })).toThrow(/num_labels/)
    const config = parseDistilRnnConfig(sizes)
    saveStudent(join(folder, 'bad'), { config, parameters: new Map(randomDistilRnn(config)) })
    expect(() => loadStudent(join(folder, 'bad'))).toThrow(/embedding\.weight/)
    const broken = new Map(randomDistilRnn(config))
    const bias = toFloat32(broken.get('rnn.bias_hh_l1') as Tensor).slice()
    bias[3] = Number.NaN
    broken.set('rnn.bias_hh_l1', float32([bias.length], bias))
    saveStudent(join(folder, 'broken'), {
      config,
      parameters: broken.set('embedding.weight', float32([60, 6], new Float32Array(360))),
    })
    expect(() => loadStudent(join(folder, 'broken'))).toThrow(
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
