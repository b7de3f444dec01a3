// A two-layer classifier small enough to train in milliseconds.

import { random } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32, type Model } from '@cola/graph'
import { type Batch, crossEntropy, type FrozenProducts, generateArtifacts, type Optimizer } from '../../src/index.ts'

export interface Row {
  x: number[]
  label: number
}

export interface TinyOptions {
  dropout?: number
  /** Of the hidden layer. From 64 on, a frozen matrix [width, width] stands between it and w2. */
  width?: number
}

/** y = relu(x frozen w1 + b1) w2; `frozen` is a matrix that training leaves alone. */
export function tinyModel({ dropout = 0, width = 8 }: TinyOptions = {}): Model {
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
  const hidden = g.Relu(g.Gemm(mixed, weight('w1', [4, width]), weight('b1', [width])))
  const dropped = dropout ? (g.node('Dropout', [hidden, g.scalar(dropout)], { name: 'drop' })[0] ?? hidden) : hidden
  const last = width < 64 ? dropped : g.Gemm(dropped, weight('wide', [width, width]))
  g.node('Gemm', [last, weight('w2', [width, 2])], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(['w1', 'b1', 'w2']) }
}

export const artifactsOf = (
  optimizer: Optimizer,
  { frozenProducts = 'float32', ...options }: TinyOptions & { frozenProducts?: FrozenProducts } = {},
) => generateArtifacts(tinyModel(options), { loss: crossEntropy(), optimizer, frozenProducts })

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
