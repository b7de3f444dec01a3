// A two-layer classifier small enough to train in milliseconds.

import { random } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32, type Model } from '@cola/graph'
import { type Batch, crossEntropy, generateArtifacts, type Optimizer, type TrainingArtifacts } from '../src/index.ts'

export interface Row {
  x: number[]
  label: number
}

/** y = relu(x w1 + b1) w2; `frozen` is a matrix that training leaves alone. */
export function tinyModel({ dropout = 0 } = {}): Model {
  const graph = createGraph('tiny')
  const g = build(graph)
  const stream = random(5, 'tiny')
  const weight = (name: string, dims: number[]) =>
    addInitializer(
      graph,
      name,
      float32(
        dims,
        Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => stream.normal() / 2),
      ),
    )
  const x = addInput(graph, 'x', 'float32', ['batch', 4])
  const mixed = g.MatMul(x, weight('frozen', [4, 4]))
  const hidden = g.Relu(g.Gemm(mixed, weight('w1', [4, 8]), weight('b1', [8])))
  const dropped = dropout ? (g.node('Dropout', [hidden, g.scalar(dropout)], { name: 'drop' })[0] ?? hidden) : hidden
  g.node('Gemm', [dropped, weight('w2', [8, 2])], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(['w1', 'b1', 'w2']) }
}

export const artifactsOf = (optimizer: Optimizer, options: { dropout?: number } = {}): TrainingArtifacts =>
  generateArtifacts(tinyModel(options), { loss: crossEntropy(), optimizer })

/** Rows whose class is the sign of a sum. */
export function rows(count: number, seed = 1): Row[] {
  const stream = random(seed, 'rows')
  return Array.from({ length: count }, () => {
    const x = Array.from({ length: 4 }, () => stream.normal())
    return { x, label: x.reduce((a, b) => a + b) > 0 ? 1 : 0 }
  })
}

export const collate = (list: readonly Row[]): Batch => ({
  x: { data: Float32Array.from(list.flatMap(({ x }) => x)), dims: [list.length, 4] },
  labels: { data: Int32Array.from(list, ({ label }) => label), dims: [list.length] },
})
