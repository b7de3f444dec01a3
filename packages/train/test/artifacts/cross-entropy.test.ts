// Cross-entropy in one piece and in several, against PyTorch (make-cross-entropy.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  addInitializer,
  build,
  createGraph,
  float32,
  type Graph,
  getValue,
  scale,
  type Tensor,
  toFloat32,
  type Value,
} from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { crossEntropy, generateArtifacts, sgd, TrainingSession } from '../../src/index.ts'

interface Case {
  labels: number[]
  label_smoothing: number
  weight: number[] | null
  loss: number
  each: number[]
  gradients: Record<string, number[]>
}
const { tensors, cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/cross-entropy.json'), 'utf8'),
) as { tensors: Record<string, { dims: number[]; data: number[] }>; cases: Case[] }

/** logits = 5 tanh(z / 5) with z = x W' + x A' B'. */
function headModel(trainable: readonly string[]) {
  const graph = createGraph('head')
  const g = build(graph)
  const [x, A, B, W] = ['x', 'A', 'B', 'W'].map((name) => {
    const { dims, data } = tensors[name] as (typeof tensors)[string]
    return addInitializer(graph, name, float32(dims, data))
  }) as [Value, Value, Value, Value]
  const times = (a: Value, b: Value) => g.Gemm(a, b, { transB: 1 })
  const z = g.Add(times(x, W), times(times(x, A), B))
  g.node('Mul', [g.Tanh(scale(g, z, 1 / 5)), g.scalar(5)], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(trainable) }
}

/** Large, so that the gradient is not lost in the rounding of the parameter. */
const rate = 2 ** 14
const all = ['x', 'A', 'B', 'W']

describe.each([1, 2, 4, 8])('in %i pieces', (pieces) => {
  it.each(cases.map((one) => [one.label_smoothing, one.weight, one.labels, one] as const))(
    'label smoothing %d, weights %j, labels %j: the loss, each loss and the gradients of PyTorch',
    async (label_smoothing, weight, labels, expected) => {
      const options = { pieces, label_smoothing, ...(weight ? { weight } : {}) }
      const loss = crossEntropy(options)
      const evalLoss = Object.assign(crossEntropy({ ...options, losses: 'each' }), { outputs: ['each'] })
      const artifacts = generateArtifacts(headModel(all), { loss, evalLoss, optimizer: sgd() })
      const session = await TrainingSession.create({ artifacts, device: 'cpu' })
      const batch = { labels: { data: Int32Array.from(labels), dims: [labels.length] } }
      const evaluated = await session.runEvalStep(batch)
      expect([evaluated.loss]).toBeAllclose([expected.loss], { atol: 1e-6 })
      expect(Object.keys(evaluated.outputs)).toEqual(['each'])
      expect(evaluated.outputs.each?.data ?? []).toBeAllclose(expected.each, { atol: 2e-6 })
      const trained = await session.runTrainStep(batch)
      expect([trained.loss]).toBeAllclose([expected.loss], { atol: 1e-6 })
      await session.runOptimizerStep({ learningRate: rate })
      const parameters = await session.getParameters()
      for (const name of all) {
        const before = (tensors[name] as (typeof tensors)[string]).data
        const after = toFloat32(parameters.get(name) as Tensor)
        const gradient = before.map((value, i) => (value - (after[i] as number)) / rate)
        expect(gradient).toBeAllclose(expected.gradients[name] as number[], { atol: 1e-6 })
      }
      await session.release()
    },
  )
})

/** The most values of a width that are alive at once, when nodes run in an order in which each has its inputs. */
function mostAlive(graph: Graph, width: number): number {
  const lastRead = new Map<string, number>()
  for (const [i, { inputs }] of graph.nodes.entries()) for (const name of inputs) lastRead.set(name, i)
  let [alive, most] = [0, 0]
  const ends = new Map<number, number>()
  for (const [i, { outputs }] of graph.nodes.entries()) {
    const wide = outputs.filter((name) => {
      const { shape } = getValue(graph, name)
      return shape.length === 2 && shape[1] === width && shape[0] !== width
    })
    alive += wide.length
    most = Math.max(most, alive)
    for (const name of wide) ends.set(lastRead.get(name) as number, (ends.get(lastRead.get(name) as number) ?? 0) + 1)
    alive -= ends.get(i) ?? 0
  }
  return most
}

it('the pieces are not alive together, forward and backward', () => {
  const alive = (pieces: number) => {
    const loss = Object.assign(crossEntropy({ pieces }), { outputs: [] })
    const { trainingModel } = generateArtifacts(headModel(['x']), { loss, optimizer: sgd() })
    return mostAlive(trainingModel, 7)
  }
  expect(alive(8)).toBeLessThanOrEqual(alive(1))
})
