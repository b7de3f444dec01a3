// Linear models and batches of a fixture (make-accumulation.py), for losses and gradients over micro-batches.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInitializer, addInput, build, createGraph, float32, type Loss } from '@cola/graph'
import { generateArtifacts, sgd, type Batch, type CrossEntropyOptions } from '../../src/index.ts'

export interface MicroBatchCase {
  options: CrossEntropyOptions
  labels: number[] | number[][]
  loss: number
  gradient: number[]
}

export const fixture = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/accumulation.json'), 'utf8')) as {
  w: number[]
  x: number[]
  tokens: number[]
  classifier: MicroBatchCase[]
  language_model: MicroBatchCase[]
}

export function artifactsOf(loss: Loss, dims: readonly string[]) {
  const graph = createGraph('linear')
  const x = addInput(graph, 'x', 'float32', [...dims, 4])
  build(graph).node('MatMul', [x, addInitializer(graph, 'w', float32([4, 3], fixture.w))], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return generateArtifacts({ graph, trainable: new Set(['w']) }, { loss, optimizer: sgd() })
}

/** Rows of the fixture as a batch: of sentences, cut to the longest. */
export const batchOf = {
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

export const dims = { classifier: ['batch'], language_model: ['batch', 'sequence'] }

/** Mean of squares of the logits: a loss of a user's own, which says nothing of what it is a mean over. */
export const own: Loss = (graph) => {
  const g = build(graph)
  const logits = graph.values.get('logits') as never
  return g.ReduceMean(g.Mul(logits, logits), { keepdims: 0 })
}
