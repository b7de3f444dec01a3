import { float32, toFloat32, type Tensor } from '@cola/graph'
import { adam, ConfigError, FeedError, type Optimizer, WeightsError } from '@cola/train'
import { describe, expect, it } from 'vitest'
import {
  compact,
  createStudent,
  embeddingFrom,
  parseDistilRnnConfig,
  randomEmbedding,
  type Student,
  vocabularyOf,
} from '../../src/index.ts'
import { sentences, sessionOf, sizes } from '../support/students.ts'

async function trained(student: Student, optimizer?: Optimizer): Promise<ReadonlyMap<string, Tensor>> {
  const session = await sessionOf(student, optimizer)
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

function expectClose(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): void {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort())
  for (const [name, value] of b) {
    expect(a.get(name)?.dims).toEqual(value.dims)
    expect(toFloat32(a.get(name) as Tensor)).toBeAllclose(toFloat32(value), { atol: 1e-6 })
  }
}

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
    expectClose(await trained(some), await trained(all))
  })

  it('stays as it is when frozen, and the rest trains as with a learning rate of 0 for it', async () => {
    const config = parseDistilRnnConfig(sizes)
    const values = Float32Array.from({ length: 60 * 6 }, (_, i) => Math.sin(i))
    const of = (freeze: boolean) => {
      const embedding = embeddingFrom(float32([60, 6], values), { freeze })
      return createStudent({ config, sentences, embedding, seed: 1 })
    }
    expect(of(true).model.trainable.has('embedding.weight')).toBe(false)
    const frozen = await trained(of(true))
    expect(toFloat32(frozen.get('embedding.weight') as Tensor)).toEqual(values)
    expectClose(frozen, await trained(of(false), adam({ groups: [{ params: ['embedding.weight'], lr_scale: 0 }] })))
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
