import { readFileSync } from 'node:fs'
import { addInitializer, addInput, build, createGraph, float32, toFloat32, type Loss, type Tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  TrainingSession,
  binaryCrossEntropy,
  generateArtifacts,
  meanSquaredError,
  openEvaluation,
  sgd,
} from '../../src/index.ts'

interface Case {
  loss: 'binaryCrossEntropy' | 'meanSquaredError'
  dims: [number, number]
  logits: number[]
  labels: number[]
  pos_weight?: number[]
  value: number
  gradient: number[]
}

const cases = JSON.parse(
  readFileSync(new URL('../fixtures/elementwise-losses.json', import.meta.url), 'utf8'),
) as Case[]
const losses = { binaryCrossEntropy, meanSquaredError }

/** logits = x w with w the logits of the case and x the identity, so that the gradient of w is that of the logits. */
function identityModel([rows, width]: readonly [number, number], logits: readonly number[]) {
  const graph = createGraph('identity')
  const w = addInitializer(graph, 'w', float32([rows, width], logits))
  build(graph).node('MatMul', [addInput(graph, 'x', 'float32', ['batch', rows]), w], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(['w']) }
}

const rowsOf = (rows: readonly number[], { dims: [count, width], labels }: Case) => ({
  x: {
    data: Float32Array.from(rows.flatMap((row) => Array.from({ length: count }, (_, i) => (i === row ? 1 : 0)))),
    dims: [rows.length, count],
  },
  labels: {
    data: Float32Array.from(rows.flatMap((row) => labels.slice(row * width, (row + 1) * width))),
    dims: [rows.length, width],
  },
})

describe.each(cases.map((one, i) => [i, one.loss, one] as const))('case %i, %s', (_, name, one) => {
  const all = Array.from({ length: one.dims[0] }, (_, row) => row)
  const { pos_weight } = one
  const loss: Loss = losses[name](pos_weight ? { pos_weight } : {})
  it('has PyTorch’s loss and gradient, in one batch and in batches of one row', async () => {
    const artifacts = generateArtifacts(identityModel(one.dims, one.logits), { loss, optimizer: sgd() })
    for (const batches of [[all], all.map((row) => [row])]) {
      const session = await TrainingSession.create({ artifacts, device: 'cpu' })
      session.lazyResetGrad()
      let total = 0
      const window = [all.length]
      for (const rows of batches)
        total += (await session.runTrainStep(rowsOf(rows, one), { window })).loss * rows.length
      const gradient = toFloat32((await session.getGradients()).get('w') as Tensor)
      await session.release()
      expect([total / all.length]).toBeAllclose([one.value])
      expect(gradient).toBeAllclose(one.gradient)
    }
  })
  it('evaluates without training', async () => {
    const session = await openEvaluation(identityModel(one.dims, one.logits), { loss, device: 'cpu' })
    const result = await session.runEvalStep(rowsOf(all, one))
    await session.release()
    expect([result.loss]).toBeAllclose([one.value], { rtol: 1e-5 })
    expect(result.outputs.logits?.data).toBeAllclose(one.logits)
  })
})

it('takes one positive weight for each output', () => {
  const model = identityModel([1, 2], [1, 2])
  const loss = binaryCrossEntropy({ pos_weight: [1, 2, 3] })
  expect(() => generateArtifacts(model, { loss, optimizer: sgd() })).toThrow(
    'option pos_weight: not one per class, expected 2, found 3',
  )
})
