// Rows of a trainable matrix that no input ever reads, such as embeddings of tokens that do not occur. Their gradient
// is always zero, so only weight decay changes them, and the training model rarely needs to hold them.

import { requireKind } from '@cola/graph/door'
import { cloneGraph, float32, getValue, type Model, type Tensor, toFloat32 } from '@cola/graph'
import { WeightsError } from '../errors.ts'
import type { Optimizer, Undriven } from '../optim/optimizer.ts'
import { concatenate } from './blocks.ts'

/**
 * A row that stands for all unseen rows, if the optimizer multiplies all their elements by one factor: the factor is
 * the ratio of its trained sum to its initial sum. Its elements lie between 1 and 2, so that their rounding errors
 * differ and average out in the sum.
 */
function witness(width: number): Tensor {
  return float32(
    [1, width],
    Float32Array.from({ length: width }, (_, i) => 1 + i / width),
  )
}

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0)

/** The rows that training appends to the matrix for its unseen rows. */
const heldRows: { readonly [Kind in Undriven]: (unseen: Tensor) => readonly Tensor[] } = {
  fixed: () => [],
  proportional: (unseen) => [unseen.dims[0] === 1 ? unseen : witness(unseen.dims[1] as number)],
  other: (unseen) => [unseen],
}

/**
 * The model with the rows that its optimizer needs for the unseen rows: none, one that determines their common factor,
 * or all of them.
 */
export function holdUnseenRows(model: Model, { undriven }: Optimizer): Model {
  if (!model.unseenRows?.size) return model
  const graph = cloneGraph(model.graph)
  for (const [name, unseen] of model.unseenRows) {
    const [seen, held] = [graph.initializers.get(name), heldRows[undriven?.(name) ?? 'other'](unseen)]
    if (!seen || !model.trainable.has(name) || held.length === 0) continue
    const parts = [seen, ...held]
    const dims = [parts.reduce((rows, part) => rows + (part.dims[0] as number), 0), ...seen.dims.slice(1)]
    graph.initializers.set(name, float32(dims, concatenate(parts)))
    graph.values.set(name, { ...getValue(graph, name), shape: dims })
  }
  return { ...model, graph }
}

/**
 * Computes the unseen rows after training.
 * @param trained The trained matrix, as `getParameters` returns it: the seen rows, then the held ones.
 * @param counts `seen`, `unseen`: numbers of rows.
 * @returns A function from the index of an unseen row, and its initial value, to the row.
 * @throws {WeightsError} when the matrix does not have such a number of rows.
 */
export function unseenRows(
  trained: Tensor,
  { seen, unseen }: { seen: number; unseen: number },
): (index: number, initial: () => Float32Array) => Float32Array {
  requireKind('unseenRows, trained', trained, 'tensor')
  const [rows, width] = trained.dims as [number, number]
  if (rows === seen) return (_, initial) => initial()
  const held = toFloat32(trained).subarray(seen * width)
  if (rows === seen + unseen) return (index) => held.subarray(index * width, (index + 1) * width)
  if (rows !== seen + 1)
    throw new WeightsError({
      where: 'trained matrix',
      what: 'wrong number of rows',
      expected: `${seen}, ${seen + 1} or ${seen + unseen}`,
      found: String(rows),
    })
  const factor = sum(held) / sum(toFloat32(witness(width)))
  return (_, initial) => initial().map((value) => factor * value)
}
