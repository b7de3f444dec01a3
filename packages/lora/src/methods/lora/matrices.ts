// LoRA's two matrices at a layer: their names, and their product in a graph. Hu et al. 2022.

import { type Builder, getValue, type Node, scale, transposeMatrix, uniqueName, type Value } from '@cola/graph'
import { type LayerKind, parameterName, type Target } from '../target.ts'

/** A layer with LoRA. */
export interface LoraTarget extends Target {
  readonly r: number
  /** alpha / r, or alpha / sqrt(r). */
  readonly scaling: number
}

/** Names of the matrices in their module, by the kind of layer: A [r, in], B [out, r]. */
const matrixNames: { readonly [Kind in LayerKind]: readonly [string, string] } = {
  linear: ['lora_A.weight', 'lora_B.weight'],
  embedding: ['lora_embedding_A', 'lora_embedding_B'],
}

/** Names of an adapter's two matrices. */
export const loraNames = ({ kind, module }: Pick<LoraTarget, 'kind' | 'module'>): [string, string] => {
  const [A, B] = matrixNames[kind]
  return [parameterName(module, A), parameterName(module, B)]
}

/** The modules with matrices in a file, with the names of the matrices. */
export const modulesIn = (names: Iterable<string>): { module: string; names: readonly [string, string] }[] => {
  const files = [...names]
  const found = Object.values(matrixNames).flatMap((pair) =>
    files
      .filter((name) => name.endsWith(`.${pair[0]}`))
      .map((name) => [name.slice(0, -pair[0].length - 1), pair] as const),
  )
  return [...new Map(found)].map(([module, pair]) => ({ module, names: pair }))
}

/** alpha / r, or alpha / sqrt(r) with rank-stabilized LoRA (Kalajdzievski 2023). */
export const scaling = (alpha: number, r: number, rslora: boolean): number => alpha / (rslora ? Math.sqrt(r) : r)

/** Rows of scaling A' B' at the indices of an embedding's lookup. */
export function lookedUp(g: Builder, { inputs }: Node, target: LoraTarget): Value {
  const [a, b] = loraNames(target).map((name) => getValue(g.graph, name)) as [Value, Value]
  const rows = g.Gather(transposeMatrix(g, a), getValue(g.graph, inputs[1] as string))
  return scale(g, g.MatMul(rows, transposeMatrix(g, b)), target.scaling)
}

/** scaling (x A' B' + bias). */
export function lowRank(g: Builder, x: Value, target: LoraTarget, bias: Value | undefined): Value {
  const { module, scaling } = target
  const [a, b] = loraNames(target).map((name) => getValue(g.graph, name)) as [Value, Value]
  if (x.shape.length !== 2) {
    const product = g.MatMul(g.MatMul(x, transposeMatrix(g, a)), transposeMatrix(g, b))
    return scale(g, bias ? g.Add(product, bias) : product, scaling)
  }
  const low = g.Gemm(x, a, { transB: 1 })
  return g.node('Gemm', [low, b, ...(bias ? [bias] : [])], {
    name: uniqueName(g.graph, `${module}.lora`),
    attributes: { transB: 1, alpha: scaling, beta: scaling },
  })[0] as Value
}
