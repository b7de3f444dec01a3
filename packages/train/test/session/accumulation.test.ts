// Means over several batches against PyTorch's over one large batch (make-accumulation.py).

import { toFloat32, type Tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  TrainingSession,
  addCounts,
  addMeans,
  crossEntropy,
  lossCounts,
  meanOf,
  type Batch,
  type StepResult,
} from '../../src/index.ts'
import { artifactsOf, batchOf, dims, fixture, own, type MicroBatchCase } from '../support/micro-batches.ts'
import { trainedRows } from '../support/trained-rows.ts'

/** Rows of micro-batches; one of the classifier's has no label at all. */
const splits = {
  classifier: [
    [[0], [1, 2, 3, 4, 5], [7, 8], [6, 9, 10]],
    [
      [7, 8],
      [0, 1, 2, 3, 4, 5, 6, 9, 10],
    ],
    [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ],
  language_model: [[[0], [1, 2], [3, 4]], [[1], [0, 2, 3, 4]], [[4, 3, 2, 1, 0]]],
}

const w = (tensors: ReadonlyMap<string, Tensor>): Float32Array => toFloat32(tensors.get('w') as Tensor)

async function accumulated(
  session: TrainingSession,
  batches: readonly Batch[],
  window?: readonly number[],
): Promise<StepResult[]> {
  session.lazyResetGrad()
  const results: StepResult[] = []
  for (const batch of batches) results.push(await session.runTrainStep(batch, window ? { window } : {}))
  return results
}

describe.each(['classifier', 'language_model'] as const)('%s', (kind) => {
  it.each(fixture[kind])(
    'with $options: micro-batches give the loss, the gradient and the step of one large batch',
    async (expected) => {
      const session = await TrainingSession.create({
        artifacts: artifactsOf(crossEntropy(expected.options), dims[kind]),
        device: 'cpu',
      })
      const start = await session.getParameters()
      for (const split of splits[kind]) {
        const batches = split.map((rows) => batchOf[kind](expected.labels, rows))
        const window = addCounts(batches.map((batch) => lossCounts(session.lossTerms, batch)))
        for (const known of [undefined, window]) {
          const results = await accumulated(session, batches, known)
          const sums = results.reduce<ReturnType<typeof addMeans>>((before, { terms }) => addMeans(before, terms), [])
          expect(meanOf(sums)).toBeCloseTo(expected.loss, 6)
          expect(w(await session.getGradients())).toBeAllclose(expected.gradient, { atol: 1e-6 })
          await session.runOptimizerStep({ learningRate: 1 })
          const stepped = fixture.w.map((value, i) => value - (expected.gradient[i] as number))
          expect(w(await session.getParameters())).toBeAllclose(stepped, { atol: 1e-6 })
          await session.setParameters(start)
        }
      }
      await session.release()
    },
  )

  it('a trainer has the steps and losses of large batches, and evaluates equally in any batches', async () => {
    const [{ labels, options, loss }] = fixture[kind].slice(-1) as [MicroBatchCase]
    const artifacts = artifactsOf(crossEntropy(options), dims[kind])
    const rows = labels.map((_, row) => row)
    const data = { train: rows, collate: (list: readonly number[]) => batchOf[kind](labels, list) }
    const run = (batch_size: number, gradient_accumulation_steps: number, eval_batch_size: number) =>
      trainedRows(artifacts, data, {
        batch_size,
        gradient_accumulation_steps,
        eval_batch_size,
        epochs: 3,
        learning_rate: 0.5,
      })
    // The last window is short, and its last batch too.
    const [large, small] = [await run(4, 1, rows.length), await run(2, 2, 2)]
    expect(large.before).toBeCloseTo(loss, 6)
    expect(small.before).toBeCloseTo(loss, 6)
    expect(small.losses).toBeAllclose(large.losses, { atol: 1e-6 })
    expect(small.epochs).toBeAllclose(large.epochs, { atol: 1e-6 })
    expect(small.w).toBeAllclose(large.w, { atol: 1e-6 })
  })
})

it('a loss without meanOver is a mean over rows', async () => {
  const session = await TrainingSession.create({ artifacts: artifactsOf(own, ['batch']), device: 'cpu' })
  const batch = (rows: readonly number[]) => batchOf.classifier([], rows)
  const gradient = async (split: readonly (readonly number[])[]) => {
    await accumulated(session, split.map(batch))
    return w(await session.getGradients())
  }
  const large = await gradient([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]])
  expect(await gradient([[0], [1, 2, 3, 4, 5, 6, 7], [8, 9, 10]])).toBeAllclose(large, { atol: 1e-6 })
  await session.release()
})

it('refuses an invalid window', async () => {
  const session = await TrainingSession.create({ artifacts: artifactsOf(crossEntropy(), ['batch']), device: 'cpu' })
  const batch = batchOf.classifier([0, 1, 2], [0, 1, 2])
  for (const window of [[], [2], [Number.NaN], [4, 4]])
    await expect(session.runTrainStep(batch, { window })).rejects.toThrow(/option window/)
  await session.runTrainStep(batch)
  await expect(session.runTrainStep(batch, { window: [6] })).rejects.toThrow(/for some batches of an accumulation only/)
  await session.release()
})
