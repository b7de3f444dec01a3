// Moves integers onto a device that has kernels for int32 and none for int64: masks, position ids and indices. Shapes
// stay on the host, in as few nodes as possible.

import { requireKind } from '../door.ts'
import { sameShape } from '../ir/dim.ts'
import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { producersOf } from '../ir/uses.ts'
import { addNode } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'
import { cast } from '../ops/composite.ts'
import { broadcastShapes } from '../ops/operator.ts'
import { type DataType, dataTypes } from '../tensor/dtype.ts'
import { tensorOf, toNumbers } from '../tensor/tensor.ts'
import { materializer } from './device-integers/materialize.ts'
import { broadcasting, int64Index, isFloatOnly, narrowable, operandOf } from './device-integers/operands.ts'
import { polynomials } from './device-integers/polynomials.ts'
import { viewOf } from './device-integers/selections.ts'
import { ShapeSource } from './device-integers/shape-source.ts'
import { prune } from './prune.ts'
import { replaceProducer } from './rewrite-outputs.ts'

/**
 * A copy of the graph with int32 in place of int64, and the same numbers: inputs that were int64 are int32, outputs
 * keep their types. Integers that follow from shapes are computed where they are read; a selection that reads a mask at
 * its elements' own coordinates becomes a view of the mask. What is left in int64 are shapes.
 */
export const deviceIntegers = (graph: Graph): Graph => {
  requireKind('deviceIntegers, graph', graph, 'graph')
  return new DeviceIntegers(graph).rewrite()
}

class DeviceIntegers {
  readonly #original: Graph
  readonly #graph: Graph
  readonly #g
  readonly #producers
  readonly #polynomial
  readonly #shapes
  readonly #materialize
  /** Names whose value the new graph has with its original type. */
  readonly #present: Set<string>
  /** What takes the place of a value on the device. */
  readonly #replaced = new Map<string, Value>()
  /** Values of fewer or smaller axes that broadcast to a value. */
  readonly #small = new Map<string, Value>()

  constructor(original: Graph) {
    this.#original = original
    this.#graph = { ...cloneGraph(original), nodes: [] }
    this.#g = build(this.#graph)
    this.#producers = producersOf(original)
    this.#polynomial = polynomials(original)
    this.#shapes = new ShapeSource(this.#g)
    this.#materialize = materializer(this.#g, () => this.#integerInputs())
    this.#present = new Set(original.initializers.keys())
  }

  rewrite(): Graph {
    for (const name of this.#original.inputs) this.#addInput(name)
    const needed = this.#computed()
    for (const node of this.#original.nodes) {
      if (!needed.has(node)) continue
      if (!this.#addView(node)) this.#convert(node)
      for (const name of node.outputs) if (this.#present.has(name)) this.#shapes.offer(this.#value(name))
    }
    for (const name of this.#original.outputs) this.#addOutput(name)
    prune(this.#graph)
    return this.#graph
  }

  #addInput(name: string): void {
    const value = this.#value(name)
    const input: Value = { ...value, dtype: narrow(value.dtype) }
    this.#graph.values.set(name, input)
    this.#replaced.set(name, input)
    if (input.dtype === value.dtype) this.#present.add(name)
    this.#shapes.offer(input)
  }

  #addOutput(name: string): void {
    const value = this.#value(name)
    const source = isShape(value) ? this.#inFull(name) : this.#read(name)
    // A value that can only be computed as it was has its name now.
    if (this.#present.has(name)) return
    if (source.dtype === value.dtype) replaceProducer(this.#graph, name, 'Identity', [source])
    else replaceProducer(this.#graph, name, 'Cast', [source], { attributes: { to: dataTypes[value.dtype].onnx } })
  }

  readonly #value = (name: string): Value => getValue(this.#original, name)

  #integerInputs(): Value[] {
    const inputs = this.#original.inputs.map((name) => getValue(this.#graph, name))
    return inputs.filter(({ dtype }) => dtype === 'int32' || dtype === 'bool')
  }

  /** The nodes that compute what does not follow from shapes. */
  #computed(): Set<Node> {
    const needed = new Set(this.#original.outputs)
    const nodes = new Set<Node>()
    for (const node of this.#original.nodes.toReversed()) {
      const outputs = node.outputs.filter((name) => needed.has(name))
      if (outputs.length === 0 || outputs.every((name) => this.#followsFromShapes(name))) continue
      nodes.add(node)
      for (const name of node.inputs) needed.add(name)
    }
    return nodes
  }

  #followsFromShapes(name: string): boolean {
    return isShape(this.#value(name)) || this.#polynomial(name) !== undefined
  }

  /** A value on the device. */
  #read(name: string): Value {
    const known = this.#replaced.get(name)
    if (known) return known
    const { dtype } = this.#value(name)
    const isThere = this.#present.has(name) && dtype !== 'int64'
    const value = isThere ? this.#value(name) : (this.#expanded(name) ?? this.#constant(name) ?? this.#computedOf(name))
    const result = value ?? cast(this.#g, this.#inFull(name), narrow(dtype))
    this.#replaced.set(name, result)
    return result
  }

  #expanded(name: string): Value | undefined {
    const [small, { shape }] = [this.#small.get(name), this.#value(name)]
    if (!small || sameShape(small.shape, shape)) return small
    const target = this.#shapes.build(shape)
    return target && this.#g.Expand(small, target)
  }

  #constant(name: string): Value | undefined {
    const data = this.#original.initializers.get(name)
    return data && this.#g.constant(`${name}.int32`, tensorOf('int32', data.dims, toNumbers(data).map(nearestInt32)))
  }

  #computedOf(name: string): Value | undefined {
    const [polynomial, { dtype, shape }] = [this.#polynomial(name), this.#value(name)]
    const value = polynomial === undefined ? undefined : this.#materialize(polynomial, shape)
    return value && cast(this.#g, value, narrow(dtype))
  }

  /** A value with its original type: shapes, and what the device has no kernel for. */
  #inFull(name: string): Value {
    const value = this.#value(name)
    if (this.#present.has(name)) return value
    const shape = isShape(value) ? this.#shape(value) : undefined
    if (shape) return shape
    const device = this.#replaced.get(name)
    if (device) return cast(this.#g, device, value.dtype)
    this.#copyInFull(this.#producers.get(name) as Node)
    return value
  }

  #shape({ shape, content = [] }: Value): Value | undefined {
    const vector = this.#shapes.build(content)
    return vector && (shape.length === 0 ? this.#g.Squeeze(vector, this.#g.int64([0])) : vector)
  }

  #copy(node: Node, inputs: readonly (Value | null)[]): void {
    this.#graph.nodes.push({ ...node, inputs: inputs.map((input) => input?.name ?? '') })
    for (const name of node.outputs) if (name !== '') this.#present.add(name)
  }

  /** Copies a node whose inputs and results keep their types. */
  #copyInFull(node: Node): void {
    this.#copy(
      node,
      node.inputs.map((name) => (name === '' ? null : this.#inFull(name))),
    )
  }

  /** Finds a smaller value for a node that repeats one, or views one. */
  #addView(node: Node): boolean {
    const [output = ''] = node.outputs
    const small = this.#value(output).dtype === 'float32' ? undefined : this.#smallOf(node)
    if (small) this.#small.set(output, small)
    return small !== undefined
  }

  #smallOf(node: Node): Value | undefined {
    const ofInput = (name: string) => this.#small.get(name) ?? this.#read(name)
    if (node.opType === 'Expand') return ofInput(node.inputs[0] as string)
    if (node.opType === 'And') {
      const known = node.inputs.findIndex((name) => this.#polynomial(name) === 1)
      return known < 0 ? undefined : ofInput(node.inputs[1 - known] as string)
    }
    const view = viewOf(this.#original, node, (name) => this.#producers.get(name), this.#polynomial)
    const source = view && this.#read(view.source)
    return source && (view.axes.length ? this.#g.Unsqueeze(source, this.#g.int64(view.axes)) : source)
  }

  #convert(node: Node): void {
    const { dtype } = this.#value(node.outputs[0] as string)
    const isFloat = node.domain === '' && isFloatOnly(node.opType, narrow(dtype))
    if (dtype === 'int64' && !narrowable.has(node.opType)) this.#copyInFull(node)
    else if (dtype === 'int64' || isFloat) this.#narrow(node, narrow(dtype), isFloat)
    else this.#copy(node, this.#inputsOf(node))
  }

  /** Adds a node that computes in another type: int32, or float32 where there is no kernel. */
  #narrow(node: Node, dtype: DataType, isFloat: boolean): void {
    const { opType, name, scope, outputs } = node
    const inputs = this.#inputsOf(node).map((input, i) =>
      input && isFloat && operandOf(node, i) === 'data' ? cast(this.#g, input, 'float32') : input,
    )
    const results = addNode(this.#graph, opType, inputs, {
      name: `${name}.${dtype}`,
      scope,
      attributes: opType === 'Cast' ? { to: dataTypes[dtype].onnx } : node.attributes,
      outputCount: outputs.length,
    })
    outputs.forEach((output, i) => {
      this.#replaced.set(output, cast(this.#g, results[i] as Value, dtype))
    })
  }

  #inputsOf(node: Node): (Value | null)[] {
    const inputs = node.inputs.map((name, i) => {
      if (name === '') return null
      const operand = operandOf(node, i)
      const { dtype } = this.#value(name)
      if (dtype !== 'int64') return this.#read(name)
      if (operand === 'host') return this.#constantShape(node) ?? this.#inFull(name)
      const isWide = operand === 'index' && (int64Index.has(node.opType) || this.#original.initializers.has(name))
      return isWide ? this.#wide(name) : this.#read(name)
    })
    return broadcasting.has(node.opType) ? this.#unexpanded(node, inputs) : inputs
  }

  /** The shape of a Reshape as a constant, where its sizes are numbers, or those of the same axes of its input: 0. */
  #constantShape({ opType, inputs: [x = ''], outputs: [output = ''], attributes }: Node): Value | undefined {
    if (opType !== 'Reshape' || attributes.allowzero) return undefined
    const [from, to] = [this.#value(x).shape, this.#value(output).shape]
    if (!to.every((dim, axis) => dim === from[axis] || (typeof dim === 'number' && dim > 0))) return undefined
    return this.#g.int64(to.map((dim, axis) => (dim === from[axis] ? 0 : Number(dim))))
  }

  /** Indices in int64, converted on the device. */
  #wide(name: string): Value {
    return this.#original.initializers.has(name) ? this.#value(name) : cast(this.#g, this.#read(name), 'int64')
  }

  /** Smaller values, where the node itself repeats them. */
  #unexpanded(node: Node, inputs: readonly (Value | null)[]): (Value | null)[] {
    const { shape } = this.#value(node.outputs[0] as string)
    const result = [...inputs]
    node.inputs.forEach((name, i) => {
      const small = this.#small.get(name)
      const shapes = result.map((input, k) => ((k === i && small) || input)?.shape ?? [])
      if (small && sameShape(broadcastShapes(shapes, node.name), shape)) result[i] = small
    })
    return result
  }
}

/** Numbers beyond int32 stand for "no bound"; the elements of an Int32Array would wrap around. */
const nearestInt32 = (value: number): number => Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1)

const narrow = (dtype: DataType): DataType => (dtype === 'int64' ? 'int32' : dtype)

const isShape = ({ dtype, shape, content }: Value): boolean =>
  dtype === 'int64' && shape.length <= 1 && content !== undefined
