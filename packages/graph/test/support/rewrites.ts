// Graphs for the tests of rewrites, and the check that a rewrite changes the nodes and not the numbers.

import { expect } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  elementCount,
  float32,
  prune,
  type Graph,
  type Value,
} from '../../src/index.ts'
import { of, run } from './run.ts'

export const values = (count: number, salt: number): number[] =>
  Array.from({ length: count }, (_, i) => Math.sin(1.7 * i + salt))

export const count = (graph: Graph, opType: string): number =>
  graph.nodes.filter((node) => node.opType === opType).length

/** A graph of float32 inputs, named by letters, with the outputs that `make` returns. */
export function graphWith(
  shapes: Readonly<Record<string, number[]>>,
  make: (g: Builder, x: Record<string, Value>) => Value[],
): Graph {
  const graph = createGraph('graph')
  const inputs = Object.entries(shapes).map(([name, shape]) => [name, addInput(graph, name, 'float32', shape)] as const)
  graph.outputs = make(build(graph), Object.fromEntries(inputs)).map(({ name }) => name)
  return graph
}

/** Values of all inputs of a graph, whose sizes are known. */
export const feedsOf = (graph: Graph, scale = 1) =>
  Object.fromEntries(
    graph.inputs.map((name, i) => {
      const dims = graph.values.get(name)?.shape as number[]
      const numbers = values(elementCount(dims), i).map((value) => scale * value)
      return [name, of('float32', dims, numbers)]
    }),
  )

export interface LayerOptions {
  transposed?: boolean
  matmul?: boolean
  tied?: boolean
}

/** x W + b, W [K, N] as it is or transposed, by Gemm or (without b) MatMul; looked up too, where it is tied. */
export function denseLayer(
  [K, N]: readonly [number, number],
  weights: Float32Array,
  { transposed, matmul, tied }: LayerOptions,
): Graph {
  const graph = createGraph('layer')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', matmul ? ['batch', 'rows', K] : ['rows', K])
  const turned = Float32Array.from(weights, (_, i) => weights[(i % K) * N + Math.floor(i / K)] as number)
  const w = addInitializer(graph, 'w', transposed ? float32([N, K], turned) : float32([K, N], weights))
  const y = matmul
    ? g.MatMul(x, transposed ? g.Transpose(w, { perm: [1, 0] }) : w)
    : g.Gemm(x, w, g.constant('b', float32([N], values(N, 3))), { transB: transposed ? 1 : 0 })
  graph.outputs = [y.name, ...(tied ? [g.Gather(w, g.constant('ids', of('int64', [2], [0, 3]))).name] : [])]
  return graph
}

export async function sameNumbers(
  graph: Graph,
  rewrite: (graph: Graph) => Graph,
  feeds: Parameters<typeof run>[1],
): Promise<Graph> {
  const rewritten = rewrite(graph)
  prune(rewritten)
  const [before, after] = [await run(graph, feeds), await run(rewritten, feeds)]
  for (const [name, { dims, data }] of before) {
    expect(after.get(name)?.dims).toEqual(dims)
    expect(after.get(name)?.data ?? []).toBeAllclose(data)
  }
  return rewritten
}

/** A graph of x [batch, 3, 4]. */
export function graphOf(make: (g: ReturnType<typeof build>, x: Value) => Value[]): Graph {
  const graph = createGraph('graph')
  graph.outputs = make(build(graph), addInput(graph, 'x', 'float32', ['batch', 3, 4])).map(({ name }) => name)
  return graph
}
