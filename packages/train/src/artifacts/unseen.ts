// Rows of a trainable matrix that no input ever reads, such as a vocabulary's tokens without an occurrence. Their
// gradient is always zero, so an optimizer moves them by weight decay alone, and training seldom needs to hold them.

import { cloneGraph, float32, getValue, type Model, type Tensor, toFloat32 } from '@cola/graph'
import { WeightsError } from '../errors.ts'
import type { Optimizer, Undriven } from '../optim/optimizer.ts'
import { concatenated } from './blocks.ts'

/**
 * A row that moves as the unseen ones do, where all of their elements are multiplied by one number: what it became over
 * what it was.
 * Its elements lie between 1 and 2, so that their rounding errors differ and fall out of their sum.
 */
function witness(width: number): Tensor {
  return float32(
    [1, width],
    Float32Array.from({ length: width }, (_, i) => 1 + i / width),
  )
}

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0)

/** What training holds of the unseen rows, under the matrix's own. */
const held: { readonly [Kind in Undriven]: (unseen: Tensor) => readonly Tensor[] } = {
  fixed: () => [],
  proportional: (unseen) => [unseen.dims[0] === 1 ? unseen : witness(unseen.dims[1] as number)],
  other: (unseen) => [unseen],
}

/**
 * The model with what its optimizer needs of the unseen rows: nothing, a row that tells their common factor, or all of
 * them.
 */
export function holdUnseenRows(model: Model, { undriven }: Optimizer): Model {
  if (!model.unseenRows?.size) return model
  const graph = cloneGraph(model.graph)
  for (const [name, unseen] of model.unseenRows) {
    const [own, more] = [graph.initializers.get(name), held[undriven?.(name) ?? 'other'](unseen)]
    if (!own || !model.trainable.has(name) || more.length === 0) continue
    const all = [own, ...more]
    const dims = [all.reduce((rows, one) => rows + (one.dims[0] as number), 0), ...own.dims.slice(1)]
    graph.initializers.set(name, float32(dims, concatenated(all)))
    graph.values.set(name, { ...getValue(graph, name), shape: dims })
  }
  return { ...model, graph }
}

/**
 * What became of the unseen rows, from the matrix that was trained.
 * @param trained The matrix, with what was held of the unseen rows under its own.
 * @param seen Rows of its own.
 * @param unseen How many others there are.
 * @returns For a place among the unseen rows, and the row as it was at first, the row.
 * @throws {WeightsError} when the matrix is not one that artifacts made of so many rows.
 */
export function unseenRows(
  trained: Tensor,
  { seen, unseen }: { seen: number; unseen: number },
): (place: number, first: () => Float32Array) => Float32Array {
  const [rows, width] = trained.dims as [number, number]
  if (rows === seen) return (_, first) => first()
  const under = toFloat32(trained).subarray(seen * width)
  if (rows === seen + unseen) return (place) => under.subarray(place * width, (place + 1) * width)
  if (rows !== seen + 1)
    throw new WeightsError({
      where: 'trained matrix',
      what: 'its rows are not those that were trained',
      expected: `${seen}, ${seen + 1} or ${seen + unseen}`,
      found: String(rows),
    })
  const factor = sum(under) / sum(toFloat32(witness(width)))
  return (_, first) => first().map((value) => factor * value)
}
