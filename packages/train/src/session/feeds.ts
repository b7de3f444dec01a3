// Converts batches to tensors of the runtime, and checks presence, type, shape and token ids of every input.

import { requireKind } from '@cola/graph/door'
import { show } from '@cola/graph/options'
import { type DataType, type Dim, elementCount, evaluateDim, float16ToFloat32, type Graph, getValue } from '@cola/graph'
import { FeedError } from '../errors.ts'
import { OrtTensor, type OrtTensors } from '../runtime/ort.ts'
import { roleOf } from './input-roles.ts'
import { requireTokenIds, vocabularySize } from './token-ids.ts'

/** An array with its shape: an input in a batch. */
export interface BatchArray {
  readonly data: Int32Array | Float32Array | BigInt64Array | Uint8Array
  readonly dims: readonly number[]
}

/** The inputs of one step by name. Arrays that are not inputs of the model are ignored. */
export type Batch = Readonly<Record<string, BatchArray>>

/** The element type of an array in a batch. */
export const typeOfArray = (data: BatchArray['data']): DataType =>
  data instanceof Int32Array
    ? 'int32'
    : data instanceof Float32Array
      ? 'float32'
      : data instanceof BigInt64Array
        ? 'int64'
        : 'bool'

/**
 * Tensors for the graph inputs named by `inputs`, and the sizes of the symbols in their shapes.
 * @throws {FeedError} naming the input, what was expected and what was found.
 */
export function feedsOf(
  graph: Graph,
  inputs: readonly string[],
  batch: Batch,
): { feeds: OrtTensors; symbols: Map<string, number> } {
  requireKind('feedsOf, graph', graph, 'graph')
  const symbols = new Map<string, number>()
  const feeds: OrtTensors = {}
  if (typeof batch !== 'object' || batch === null)
    throw new FeedError({ where: 'batch', what: 'not a batch', expected: 'inputs by name', found: String(batch) })
  for (const name of inputs) {
    const { dtype, shape } = getValue(graph, name)
    const array = batch[name]
    if (!array)
      throw new FeedError({
        where: `input "${name}"`,
        what: 'missing from the batch',
        expected: `${dtype}[${shape.join(', ')}]`,
        found: Object.keys(batch).join(', ') || show(batch),
      })
    requireArray(name, array)
    const found = typeOfArray(array.data)
    if (found !== dtype)
      throw new FeedError({ where: `input "${name}"`, what: 'wrong element type', expected: dtype, found })
    bindShape(name, shape, array.dims, symbols)
    if (name === 'input_ids' || (roleOf(graph, name) === 'input_ids' && Number.isFinite(vocabularySize(graph))))
      requireTokenIds(graph, array.data, array.dims)
    feeds[name] = new OrtTensor(dtype as 'int32', array.data as Int32Array, array.dims)
  }
  return { feeds, symbols }
}

const arrayTypes = [Int32Array, Float32Array, BigInt64Array, Uint8Array]

/** @throws {FeedError} for an input that is no typed array with its shape, or whose shape contradicts its data. */
export function requireArray(name: string, array: BatchArray): void {
  const { data, dims } = array
  const refuse = (what: string, expected: string, found: string): never => {
    throw new FeedError({ where: `input "${name}"`, what, expected, found })
  }
  if (!arrayTypes.some((type) => data instanceof type))
    refuse(
      'not a typed array',
      `{ data, dims } whose data is ${arrayTypes.map((type) => type.name).join(', ')}: Float32Array.from(numbers)`,
      data === undefined ? show(array) : Object.prototype.toString.call(data).slice(8, -1),
    )
  if (!Array.isArray(dims) || !dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    refuse('not a shape', 'dims: an array of whole numbers of at least 0', show(dims))
  const count = elementCount(dims)
  if (count !== data.length)
    refuse('its shape contradicts its data', `${count} elements for [${dims.join(', ')}]`, String(data.length))
}

/** A result's elements as float32. Runtimes return float16 as a Float16Array, or as bits if JavaScript has none. */
export function float32Of({ type, data }: OrtTensor): Float32Array {
  if (data instanceof Float32Array) return data
  if (type === 'float16' && data instanceof Uint16Array) return float16ToFloat32(data)
  return Float32Array.from(data as ArrayLike<number | bigint>, Number)
}

function bindShape(name: string, shape: readonly Dim[], dims: readonly number[], symbols: Map<string, number>): void {
  const fits =
    shape.length === dims.length &&
    shape.every((dim, i) => {
      if (typeof dim === 'string' && !symbols.has(dim)) symbols.set(dim, dims[i] as number)
      return evaluateDim(dim, symbols) === dims[i]
    })
  if (!fits)
    throw new FeedError({
      where: `input "${name}"`,
      what: 'wrong shape',
      expected: `[${shape.join(', ')}]${[...symbols].map(([symbol, size]) => ` ${symbol}=${size}`).join(',')}`,
      found: `[${dims.join(', ')}]`,
    })
}
