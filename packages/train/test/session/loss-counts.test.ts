import { addInitializer, addInput, build, createGraph, float32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { FeedError, TrainingSession, crossEntropy, generateArtifacts, lossCounts, sgd } from '../../src/index.ts'
import { artifactsOf, batchOf, dims, fixture, own } from '../support/micro-batches.ts'

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
