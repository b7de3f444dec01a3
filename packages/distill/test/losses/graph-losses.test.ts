import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInitializer, addInput, build, createGraph, float32, toFloat32, type Loss, type Tensor } from '@cola/graph'
import { createStudent, parseDistilRnnConfig } from '@cola/rnn'
import {
  OrtTensor,
  TrainingSession,
  adamw,
  addCounts,
  crossEntropy,
  generateArtifacts,
  lossCounts,
  sgd,
  type Batch,
} from '@cola/train'
import { describe, expect, it } from 'vitest'
import { withoutKernel } from '../../../../tools/kernels.ts'
import { trainedRows } from '../../../train/test/support/trained-rows.ts'
import {
  crossEntropyLoss,
  distillation,
  kdLoss,
  lossWeights,
  pairLoss,
  pairLossGraph,
  pairLosses,
  sumOfLosses,
  type DistillationOptions,
  type PairLossName,
} from '../../src/index.ts'
import { inGraph, matrix, numbers } from '../support/losses.ts'

describe('sums of losses', () => {
  it('weigh their terms, by a number or by a schedule that is fed', async () => {
    const [student, teacher] = [numbers(6, 'a'), numbers(6, 'b')]
    const labels = Int32Array.of(0, 1, 1)
    const terms = [
      { loss: pairLossGraph('logits_mse'), weight: 0.25 },
      { loss: crossEntropy(), weight: (progress: number) => 1 - progress },
    ]
    const feeds = Object.entries(lossWeights(terms, 0.4)).map(([name, { data, dims }]) => [
      name,
      new OrtTensor('float32', data as Float32Array, dims),
    ])
    const graph = await inGraph(
      sumOfLosses(terms),
      {
        logits: matrix(student, 2),
        teacher_logits: matrix(teacher, 2),
        labels: new OrtTensor('int32', labels, [3]),
        ...Object.fromEntries(feeds),
      },
      2,
    )
    const expected =
      0.25 * pairLoss('logits_mse', { student, teacher, width: 2 }).loss + 0.6 * crossEntropyLoss(student, labels).loss
    expect(graph.loss).toBeCloseTo(expected, 5)
  })

  it('the distillation loss is one', async () => {
    const [student, teacher] = [numbers(6, 'a'), numbers(6, 'b')]
    const labels = Int32Array.of(0, 1, 1)
    const option = { alpha: 0.7, temperature: 4, scale: 'square' as const, label_smoothing: 0.1 }
    const graph = await inGraph(
      distillation(option),
      { logits: matrix(student, 2), teacher_logits: matrix(teacher, 2), labels: new OrtTensor('int32', labels, [3]) },
      2,
    )
    const plain = kdLoss(student, teacher, labels, option)
    expect(graph.loss).toBeCloseTo(plain.loss, 5)
    expect(graph.gradient).toBeAllclose(plain.gradient, { atol: 1e-5 })
  })
})

// The distillation loss over micro-batches against PyTorch's over one large batch (make-accumulation.py). Its terms are
// means over different rows.

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/accumulation.json'), 'utf8')) as {
  w: number[]
  x: number[]
  teacher: number[]
  labels: number[]
  cases: { options: DistillationOptions; loss: number; gradient: number[] }[]
}

function artifactsOf(loss: Loss) {
  const graph = createGraph('linear')
  const w = addInitializer(graph, 'w', float32([4, 3], fixture.w))
  build(graph).node('MatMul', [addInput(graph, 'x', 'float32', ['batch', 4]), w], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return generateArtifacts({ graph, trainable: new Set(['w']) }, { loss, optimizer: sgd() })
}

const open = (loss: Loss) => TrainingSession.create({ artifacts: artifactsOf(loss), device: 'cpu' })

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
    const artifacts = artifactsOf(distillation(options))
    const data = { train: all, collate: batchOf }
    const run = (batch_size: number, gradient_accumulation_steps: number) =>
      trainedRows(artifacts, data, {
        batch_size,
        gradient_accumulation_steps,
        eval_batch_size: batch_size,
        epochs: 2,
        learning_rate: 0.1,
      })
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

// The student and every loss of the table use only operators that CPU, CUDA and native WebGPU all have kernels for.

const variants = (['rnn', 'gru', 'lstm'] as const).flatMap((cell) =>
  (['last', 'mean', 'max'] as const).map((pooling) => ({ cell, pooling })),
)

const every = (Object.keys(pairLosses) as PairLossName[]).map((name) => ({
  loss: pairLossGraph(name),
  weight: (progress: number) => progress,
}))

describe.each(['webgpu', 'cuda'] as const)('%s has a kernel for every node of', (provider) => {
  it.each(variants)('a $cell student read by $pooling', ({ cell, pooling }) => {
    const config = parseDistilRnnConfig({
      ...{
        vocab_size: 9,
        embedding_size: 4,
        hidden_size: 4,
        bidirectional: true,
        dropout: 0.1,
        embedding_dropout: 0.1,
        head_dropout: 0.1,
      },
      ...{ cell, pooling },
    })
    const { model } = createStudent({ config, sentences: [[1, 2, 3], [4]] })
    const loss = sumOfLosses([...every, { loss: crossEntropy({ weight: [1, 2], label_smoothing: 0.1 }) }])
    const artifacts = generateArtifacts(model, {
      loss,
      evalLoss: crossEntropy(),
      optimizer: adamw({ max_grad_norm: 1 }),
    })
    for (const graph of [artifacts.trainingModel, artifacts.evalModel, artifacts.optimizerModel])
      expect(withoutKernel(graph, provider)).toEqual([])
  })
})
