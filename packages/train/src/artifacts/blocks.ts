// Small parameters share one tensor. An adapter has hundreds of small matrices; one by one, each would cost every step
// a dozen optimizer nodes and ten tensors carried between JavaScript and the runtime, which takes longer than their
// numbers do.

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

/** A tensor that the artifacts read and update as one: a parameter, or several small ones, one after another. */
export interface Block {
  /** The parameter's name, where it is alone. */
  readonly name: string
  readonly dims: readonly number[]
  readonly parts: readonly ParameterPart[]
}

/** Elements up to which a parameter is small: half a megabyte is copied faster than it is treated alone. */
const small = 2 ** 17

/** Elements of a shared tensor at most: 64 MB, half of what WebGPU binds by default. */
const largest = 2 ** 24

/** Parameters by the tensors that hold them, in the order of their first. */
export function blocksOf(parameters: ReadonlyMap<string, Tensor>): Block[] {
  const blocks: ParameterPart[][] = []
  let shared: ParameterPart[] | undefined
  for (const [name, { dims }] of parameters) {
    const part = { name, dims }
    if (elementCount(dims) > small) blocks.push([part])
    else if (shared && sizeOf(shared) + elementCount(dims) <= largest) shared.push(part)
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

/** Feeds a graph whose inputs are parameters from their blocks instead, in place. */
export function readBlocks(graph: Graph, blocks: readonly Block[]): void {
  const nodes = graph.nodes
  graph.nodes = []
  for (const block of blocks.filter(isShared)) {
    const held = new Set(block.parts.map(({ name }) => name))
    if (!graph.inputs.some((name) => held.has(name))) continue
    graph.inputs = graph.inputs.filter((name) => !held.has(name))
    takeApart(graph, block, addInput(graph, block.name, 'float32', block.dims))
  }
  graph.nodes = [...graph.nodes, ...nodes]
}

/** Slices, because a Split of so many parts needs more buffers than WebGPU binds. */
function takeApart(graph: Graph, { parts }: Block, whole: Value): void {
  const g = build(graph)
  let at = 0
  for (const { name, dims } of parts) {
    const end = at + elementCount(dims)
    const part = g.Slice(whole, g.int64([at]), g.int64([end]), g.int64([0]))
    replaceProducer(graph, name, 'Reshape', [part, g.int64(dims)])
    at = end
  }
}

/** Values of parameters, such as their gradients, as their block holds them. */
export function joinValues(graph: Graph, block: Block, of: (name: string) => Value): Value {
  const g = build(graph)
  const values = block.parts.map(({ name }) => of(name))
  return isShared(block)
    ? g.Concat(...values.map((value) => g.Reshape(value, g.int64([-1]))), { axis: 0 })
    : (values[0] as Value)
}

/** Tensors of parameters as their block holds them. */
export const joinTensors = (block: Block, of: (name: string) => Tensor): Tensor =>
  isShared(block) ? float32(block.dims, concatenated(block.parts.map(({ name }) => of(name)))) : of(block.name)

/** The elements of tensors, one after another. */
export function concatenated(tensors: readonly Tensor[]): Float32Array {
  const joined = new Float32Array(tensors.reduce((sum, { dims }) => sum + elementCount(dims), 0))
  let at = 0
  for (const one of tensors) {
    joined.set(toFloat32(one), at)
    at += elementCount(one.dims)
  }
  return joined
}

/** Copies of parameters' parts of numbers that follow one another, by name. */
export function cutTensors(parts: readonly ParameterPart[], data: Float32Array): [string, Tensor][] {
  let at = 0
  return parts.map(({ name, dims }) => {
    const start = at
    at += elementCount(dims)
    return [name, float32(dims, data.slice(start, at))]
  })
}
