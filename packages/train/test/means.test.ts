// Means over several batches against PyTorch's over one large batch (make-accumulation.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInitializer, addInput, build, createGraph, float32, type Loss, type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  addCounts,
  addMeans,
  type Batch,
  crossEntropy,
  type CrossEntropyOptions,
  FeedError,
  generateArtifacts,
  lossCounts,
  meanOf,
  sgd,
  type StepResult,
  Trainer,
  TrainingSession,
} from '../src/index.ts'

interface Case {
  options: CrossEntropyOptions
  labels: number[] | number[][]
  loss: number
  gradient: number[]
}

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/accumulation.json'), 'utf8')) as {
  w: number[]
  x: number[]
  tokens: number[]
  classifier: Case[]
  language_model: Case[]
}

function artifactsOf(loss: Loss, dims: readonly string[]) {
  const graph = createGraph('linear')
  const x = addInput(graph, 'x', 'float32', [...dims, 4])
  build(graph).node('MatMul', [x, addInitializer(graph, 'w', float32([4, 3], fixture.w))], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return generateArtifacts({ graph, trainable: new Set(['w']) }, { loss, optimizer: sgd() })
}

/** Rows of the fixture as a batch: of sentences, cut to the longest. */
const batchOf = {
  classifier: (labels: number[] | number[][], rows: readonly number[]): Batch => ({
    x: {
      data: Float32Array.from(rows.flatMap((row) => fixture.x.slice(4 * row, 4 * row + 4))),
      dims: [rows.length, 4],
    },
    labels: { data: Int32Array.from(rows, (row) => labels[row] as number), dims: [rows.length] },
  }),
  language_model: (labels: number[] | number[][], rows: readonly number[]): Batch => {
    const lines = rows.map((row) => labels[row] as number[])
    const columns = Math.max(...lines.map((line) => line.filter((label) => label !== -100).length))
    const x = rows.flatMap((row) => fixture.tokens.slice(24 * row, 24 * row + 4 * columns))
    return {
      x: { data: Float32Array.from(x), dims: [rows.length, columns, 4] },
      labels: { data: Int32Array.from(lines.flatMap((line) => line.slice(0, columns))), dims: [rows.length, columns] },
    }
  },
}
const dims = { classifier: ['batch'], language_model: ['batch', 'sequence'] }

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
    const [{ labels, options, loss }] = fixture[kind].slice(-1) as [Case]
    const artifacts = artifactsOf(crossEntropy(options), dims[kind])
    const rows = labels.map((_, row) => row)
    const run = async (batch_size: number, gradient_accumulation_steps: number, eval_batch_size: number) => {
      const session = await TrainingSession.create({ artifacts, device: 'cpu' })
      const data = { train: rows, collate: (list: readonly number[]) => batchOf[kind](labels, list) }
      const trainer = new Trainer({
        session,
        data,
        batch_size,
        gradient_accumulation_steps,
        eval_batch_size,
        epochs: 3,
        learning_rate: 0.5,
      })
      const before = (await trainer.evaluate(rows)).loss
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
    // The last window is short, and its last batch too.
    const [large, small] = [await run(4, 1, rows.length), await run(2, 2, 2)]
    expect(large.before).toBeCloseTo(loss, 6)
    expect(small.before).toBeCloseTo(loss, 6)
    expect(small.losses).toBeAllclose(large.losses, { atol: 1e-6 })
    expect(small.epochs).toBeAllclose(large.epochs, { atol: 1e-6 })
    expect(small.w).toBeAllclose(large.w, { atol: 1e-6 })
  })
})

/** Mean of squares of the logits: a loss of a user's own, which says nothing of what it is a mean over. */
const own: Loss = (graph) => {
  const g = build(graph)
  const logits = graph.values.get('logits') as never
  return g.ReduceMean(g.Mul(logits, logits), { keepdims: 0 })
}

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

it('rows are counted by any dimension of the inputs', () => {
  const graph = createGraph('packed')
  const x = addInput(graph, 'x', 'float32', ['row', 'column', 4])
  const g = build(graph)
  const flat = g.Reshape(x, g.int64([-1, 4]))
  g.node('MatMul', [flat, addInitializer(graph, 'w', float32([4, 3], fixture.w))], { outputs: ['logits'] })
  graph.outputs = ['logits']
  const { lossTerms } = generateArtifacts({ graph, trainable: new Set(['w']) }, { loss: own, optimizer: sgd() })
  expect(lossCounts(lossTerms, { x: { data: new Float32Array(24), dims: [2, 3, 4] } })).toEqual([6])
})

describe('labels that are not classes', () => {
  const open = (kind: 'classifier' | 'language_model') =>
    TrainingSession.create({ artifacts: artifactsOf(crossEntropy(), dims[kind]), device: 'cpu' })

  it.each([3, 7, -1, -101, 2 ** 31 - 1])('%i is refused with its row, in training and evaluation', async (label) => {
    const session = await open('classifier')
    const batch = batchOf.classifier([0, -100, label, 1], [0, 1, 2, 3])
    for (const run of [() => session.runTrainStep(batch), () => session.runEvalStep(batch)]) {
      await expect(run()).rejects.toThrow(FeedError)
      await expect(run()).rejects.toThrow(
        'input "labels", row 3 of the batch: the label is not a class of the model, ' +
          `expected 0 to 2, or -100 for none, found ${label}.`,
      )
    }
    await expect(session.runOptimizerStep({ learningRate: 1 })).rejects.toThrow(/no gradients/)
    await session.release()
  })

  it('are refused with their position in a row of several', async () => {
    const session = await open('language_model')
    const batch = batchOf.language_model(
      [
        [0, 1],
        [1, 3],
      ],
      [0, 1],
    )
    await expect(session.runTrainStep(batch)).rejects.toThrow('input "labels", row 2 of the batch, position 2: ')
    await session.release()
  })
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
