// Joins small parameters into blocks, which share one tensor. An adapter has hundreds of small matrices; each would
// cost every step a dozen optimizer nodes and ten tensors passed between JavaScript and the runtime, which takes longer
// than the computation.

import {
  addInput,
  build,
  elementCount,
  float32,
  type Graph,
  replaceProducer,
  type Tensor,
  toFloat32,
  type Value,
} from '@cola/graph'
import type { ParameterPart } from '../optim/optimizer.ts'

/** A tensor that the artifacts read and update: one parameter, or several small ones, one after another. */
export interface Block {
  /** Name of the tensor: the parameter's, if it holds one. */
  readonly name: string
  readonly dims: readonly number[]
  readonly parts: readonly ParameterPart[]
}

/**
 * Maximum number of elements of a small parameter: to copy half a megabyte is faster than to handle one more tensor.
 */
const maxSmall = 2 ** 17

/** Maximum number of elements of a shared tensor: 64 MB, half of WebGPU's default limit of a binding. */
const maxShared = 2 ** 24

/** Assigns parameters to blocks, in the order of each block's first parameter. */
export function blocksOf(parameters: ReadonlyMap<string, Tensor>): Block[] {
  const blocks: ParameterPart[][] = []
  let shared: ParameterPart[] | undefined
  for (const [name, { dims }] of parameters) {
    const part = { name, dims }
    if (elementCount(dims) > maxSmall) blocks.push([part])
    else if (shared && sizeOf(shared) + elementCount(dims) <= maxShared) shared.push(part)
    else {
      shared = [part]
      blocks.push(shared)
    }
  }
  return blocks.map((parts, i) => {
    const [first, ...others] = parts as [ParameterPart, ...ParameterPart[]]
    return others.length === 0 ? { ...first, parts } : { name: `parameters.${i}`, dims: [sizeOf(parts)], parts }
  })
}

const sizeOf = (parts: readonly ParameterPart[]): number => parts.reduce((sum, { dims }) => sum + elementCount(dims), 0)

const isShared = ({ parts }: Block): boolean => parts.length > 1

/** Replaces inputs that are parameters by inputs for their blocks, in place. */
export function readBlocks(graph: Graph, blocks: readonly Block[]): void {
  const nodes = graph.nodes
  graph.nodes = []
  for (const block of blocks.filter(isShared)) {
    const parameters = new Set(block.parts.map(({ name }) => name))
    if (!graph.inputs.some((name) => parameters.has(name))) continue
    graph.inputs = graph.inputs.filter((name) => !parameters.has(name))
    sliceParts(graph, block, addInput(graph, block.name, 'float32', block.dims))
  }
  graph.nodes = [...graph.nodes, ...nodes]
}

/**
 * Produces the parameters from their block by Slices: a Split of so many parts needs more buffers than WebGPU binds.
 */
function sliceParts(graph: Graph, { parts }: Block, value: Value): void {
  const g = build(graph)
  let at = 0
  for (const { name, dims } of parts) {
    const end = at + elementCount(dims)
    const part = g.Slice(value, g.int64([at]), g.int64([end]), g.int64([0]))
    replaceProducer(graph, name, 'Reshape', [part, g.int64(dims)])
    at = end
  }
}

/** Joins values by parameter, such as gradients, into one value with the block's shape. */
export function joinValues(graph: Graph, block: Block, valueFor: (name: string) => Value): Value {
  const g = build(graph)
  const values = block.parts.map(({ name }) => valueFor(name))
  return isShared(block)
    ? g.Concat(...values.map((value) => g.Reshape(value, g.int64([-1]))), { axis: 0 })
    : (values[0] as Value)
}

/** Joins tensors by parameter into one tensor with the block's shape. */
export const joinTensors = (block: Block, tensorOf: (name: string) => Tensor): Tensor =>
  isShared(block)
    ? float32(block.dims, concatenate(block.parts.map(({ name }) => tensorOf(name))))
    : tensorOf(block.name)

/** The elements of tensors, one after another. */
export function concatenate(tensors: readonly Tensor[]): Float32Array {
  const elements = new Float32Array(tensors.reduce((sum, { dims }) => sum + elementCount(dims), 0))
  let at = 0
  for (const tensor of tensors) {
    elements.set(toFloat32(tensor), at)
    at += elementCount(tensor.dims)
  }
  return elements
}

/** Splits concatenated elements into copies of the parameters' tensors, by name. */
export function splitTensors(parts: readonly ParameterPart[], data: Float32Array): [string, Tensor][] {
  let at = 0
  return parts.map(({ name, dims }) => {
    const start = at
    at += elementCount(dims)
    return [name, float32(dims, data.slice(start, at))]
  })
}
