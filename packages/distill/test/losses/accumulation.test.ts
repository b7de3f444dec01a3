// The distillation loss over micro-batches against PyTorch's over one large batch (make-accumulation.py). Its terms are
// means over different rows.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInitializer, addInput, build, createGraph, float32, type Loss, type Tensor, toFloat32 } from '@cola/graph'
import {
  addCounts,
  type Batch,
  crossEntropy,
  generateArtifacts,
  lossCounts,
  sgd,
  Trainer,
  TrainingSession,
} from '@cola/train'
import { describe, expect, it } from 'vitest'
import { distillation, type DistillationOptions, lossWeights, pairLossGraph, sumOfLosses } from '../../src/index.ts'

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/accumulation.json'), 'utf8')) as {
  w: number[]
  x: number[]
  teacher: number[]
  labels: number[]
  cases: { options: DistillationOptions; loss: number; gradient: number[] }[]
}

async function open(loss: Loss) {
  const graph = createGraph('linear')
  const w = addInitializer(graph, 'w', float32([4, 3], fixture.w))
  build(graph).node('MatMul', [addInput(graph, 'x', 'float32', ['batch', 4]), w], { outputs: ['logits'] })
  graph.outputs = ['logits']
  const artifacts = generateArtifacts({ graph, trainable: new Set(['w']) }, { loss, optimizer: sgd() })
  return TrainingSession.create({ artifacts, device: 'cpu' })
}

const part = (values: readonly number[], rows: readonly number[], width: number): Batch[string] => ({
  data: Float32Array.from(rows.flatMap((row) => values.slice(width * row, width * (row + 1)))),
  dims: [rows.length, width],
})
const batchOf = (rows: readonly number[]): Batch => ({
  x: part(fixture.x, rows, 4),
  teacher_logits: part(fixture.teacher, rows, 3),
  labels: { data: Int32Array.from(rows, (row) => fixture.labels[row] as number), dims: [rows.length] },
})
const w = (tensors: ReadonlyMap<string, Tensor>): Float32Array => toFloat32(tensors.get('w') as Tensor)
const all = fixture.labels.map((_, row) => row)

describe.each(fixture.cases)('with $options', ({ options, loss, gradient }) => {
  it('micro-batches of a known window give the gradient of one large batch', async () => {
    const session = await open(distillation(options))
    for (const split of [
      [all],
      [[0], [1, 2, 4], [3, 5, 6, 7, 8, 9, 10]],
      [
        [1, 2],
        [0, 3, 4],
        [5, 6, 7, 8, 9, 10],
      ],
    ]) {
      const batches = split.map(batchOf)
      const window = addCounts(batches.map((batch) => lossCounts(session.lossTerms, batch)))
      session.lazyResetGrad()
      for (const batch of batches) await session.runTrainStep(batch, { window })
      expect(w(await session.getGradients())).toBeAllclose(gradient, { atol: 1e-6 })
    }
    await session.release()
  })

  it('a trainer steps and reports as with one large batch, and evaluates in any', async () => {
    const run = async (batch_size: number, gradient_accumulation_steps: number) => {
      const session = await open(distillation(options))
      const data = { train: all, collate: batchOf }
      const trainer = new Trainer({
        session,
        data,
        batch_size,
        gradient_accumulation_steps,
        epochs: 2,
        learning_rate: 0.1,
      })
      const before = (await trainer.evaluate(all)).loss
      const { losses, history } = await trainer.train()
      const result = {
        before,
        losses,
        epochs: history.map(({ train_loss }) => train_loss),
        w: w(await session.getParameters()),
      }
      await session.release()
      return result
    }
    for (const [large, small] of [
      [await run(11, 1), await run(2, 6)],
      [await run(6, 1), await run(3, 2)],
    ] as const) {
      expect(large.before).toBeCloseTo(loss, 5)
      expect(small.before).toBeCloseTo(loss, 5)
      expect(small.losses).toBeAllclose(large.losses, { atol: 1e-5 })
      expect(small.epochs).toBeAllclose(large.epochs, { atol: 1e-5 })
      expect(small.w).toBeAllclose(large.w, { atol: 1e-6 })
    }
  })
})

it('a sum within a sum keeps what each term is a mean over, and weights that change are fed once', async () => {
  const inner = sumOfLosses([{ loss: pairLossGraph('logits_mse'), weight: 0.5 }, { loss: crossEntropy() }])
  const terms = [
    { loss: inner, weight: (progress: number) => 1 + progress },
    { loss: crossEntropy(), weight: 2 },
  ]
  const session = await open(sumOfLosses(terms))
  expect(session.lossTerms.map((term) => ('labels' in term ? 'labels' : 'rows'))).toEqual(['rows', 'labels'])
  const gradient = async (split: readonly (readonly number[])[]) => {
    const batches = split.map((rows) => ({ ...batchOf(rows), ...lossWeights(terms, 0.3) }))
    const window = addCounts(batches.map((batch) => lossCounts(session.lossTerms, batch)))
    session.lazyResetGrad()
    for (const batch of batches) await session.runTrainStep(batch, { window })
    return w(await session.getGradients())
  }
  expect(await gradient([[0, 1, 2], [3], [4, 5, 6, 7, 8, 9, 10]])).toBeAllclose(await gradient([all]), { atol: 1e-6 })
  await session.release()
})
