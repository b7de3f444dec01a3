// Losses of sentence embeddings against sentence-transformers' own; make-embedding-losses.py made the numbers.

import { readFileSync } from 'node:fs'
import { addInitializer, addInput, build, createGraph, float32, toFloat32, type Loss, type Tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { withoutKernel } from '../../../../tools/kernels.ts'
import {
  TrainingSession,
  cosineSquaredError,
  generateArtifacts,
  multipleNegativesRanking,
  sgd,
  type Batch,
} from '../../src/index.ts'

interface Case {
  loss: 'multipleNegativesRanking' | 'cosineSquaredError'
  /** Anchors, positives and negatives, or first and second: [row, width] each. */
  columns: number[][]
  gradients: number[][]
  width: number
  value: number
  scale?: number
  /** Pairs of a row and a candidate that is no negative of it. */
  left_out?: [number, number][]
  /** Rows of each accumulated batch. */
  batches?: number[][]
  similarities?: number[]
}

const cases = JSON.parse(readFileSync(new URL('../fixtures/embedding-losses.json', import.meta.url), 'utf8')) as Case[]
const rowsIn = ({ columns: [first = []], width }: Case): number => first.length / width

/** sentence_embedding = x w with w all embeddings of the case, so that the gradient of w is theirs. */
function identityModel({ columns, width }: Case) {
  const graph = createGraph('identity')
  const sentences = columns.flat().length / width
  const w = addInitializer(graph, 'w', float32([sentences, width], columns.flat()))
  build(graph).node('MatMul', [addInput(graph, 'x', 'float32', ['batch', sentences]), w], {
    outputs: ['sentence_embedding'],
  })
  graph.outputs = ['sentence_embedding']
  return { graph, trainable: new Set(['w']) }
}

const ints = (values: readonly number[], dims: readonly number[]) => ({ data: Int32Array.from(values), dims })

/** Some rows of a case: their embeddings column after column, as rows of the identity. */
function batchOf(one: Case, rows: readonly number[]): Batch {
  const [pairs, sentences] = [rows.length, one.columns.length * rowsIn(one)]
  const all = one.columns.flatMap((_, column) => rows.map((row) => column * rowsIn(one) + row))
  const identity = all.flatMap((place) => Array.from({ length: sentences }, (_, i) => (i === place ? 1 : 0)))
  const x = { x: { data: Float32Array.from(identity), dims: [all.length, sentences] } }
  const places = all.map((_, i) => i)
  const [first, others] = [ints(places.slice(0, pairs), [pairs]), places.slice(pairs)]
  if (one.similarities)
    return {
      ...x,
      first,
      second: ints(others, [pairs]),
      similarities: { data: Float32Array.from(one.similarities), dims: [pairs] },
    }
  const isOut = (row: number, candidate: number) => one.left_out?.some(([i, j]) => i === row && j === candidate)
  const relevance = rows.flatMap((_, row) => others.map((_, j) => (j === row ? 1 : isOut(row, j) ? -1 : 0)))
  const dims = [pairs, others.length]
  return { ...x, anchors: first, candidates: ints(others, [others.length]), relevance: ints(relevance, dims) }
}

const lossOf = ({ loss, scale }: Case): Loss =>
  loss === 'cosineSquaredError' ? cosineSquaredError() : multipleNegativesRanking(scale === undefined ? {} : { scale })

describe.each(cases.map((one, i) => [i, one.loss, one] as const))('case %i, %s', (_, __, one) => {
  it('has sentence-transformers’ loss and gradient', async () => {
    const artifacts = generateArtifacts(identityModel(one), { loss: lossOf(one), optimizer: sgd() })
    const all = Array.from({ length: rowsIn(one) }, (_, row) => row)
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    session.lazyResetGrad()
    let total = 0
    for (const rows of one.batches ?? [all])
      total += (await session.runTrainStep(batchOf(one, rows), { window: [all.length] })).loss * rows.length
    const gradient = toFloat32((await session.getGradients()).get('w') as Tensor)
    await session.release()
    expect([total / all.length]).toBeAllclose([one.value])
    expect(gradient).toBeAllclose(one.gradients.flat(), { atol: 1e-5 })
  })
  it.each(['webgpu', 'cuda'] as const)('has kernels on %s', (provider) => {
    const artifacts = generateArtifacts(identityModel(one), { loss: lossOf(one), optimizer: sgd() })
    for (const graph of [artifacts.trainingModel, artifacts.evalModel])
      expect(withoutKernel(graph, provider)).toEqual([])
  })
})

it.each([
  [{ scale: 0 }, /multipleNegativesRanking, option scale/],
  [{ embedding: 'x' }, /option embedding: no such option/],
])('refuses %j', (options, message) => {
  expect(() => multipleNegativesRanking(options as object)).toThrow(message)
})
