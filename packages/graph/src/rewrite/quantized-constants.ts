// Gives the quantized constants of a graph DequantizeLinear nodes, in the layout that products and lookups read.

import { addInitializer, type Attributes, type Graph, type Node, uniqueName } from '../ir/graph.ts'
import { consumersOf, producersOf } from '../ir/uses.ts'
import { quantizedTensor } from '../tensor/quantize-linear.ts'
import { transposeTensor } from '../tensor/rows.ts'
import { dataTypes } from '../tensor/dtype.ts'
import {
  elementCount,
  elements,
  float32,
  lazyTensor,
  type Tensor,
  tensor,
  tensorOf,
  toFloat32,
} from '../tensor/tensor.ts'
import { fusedName, unsupported } from './decompositions/decomposition.ts'
import { type QuantizedOperator, quantizedOperatorOf } from './quantized-operators.ts'

const movements = ['Concat', 'Expand', 'Flatten', 'Gather', 'Identity', 'Reshape', 'Slice', 'Split', 'Squeeze']

/** Whether an operator moves codes and leaves them as they are. */
export const isMovement = ({ domain, opType }: Node): boolean =>
  domain === '' && [...movements, 'Transpose', 'Unsqueeze'].includes(opType)

/** How the codes of a constant are read. */
interface Reading {
  /** Name of the constant. */
  readonly codes: string
  readonly scale: string
  /** '' for 0. */
  readonly zero: string
  /** The axis of a list of scales. */
  readonly axis: number
  readonly block_size: number
}

/** Makes codes, in place, of constants that a QuantizeLinear reads. */
export function quantizeConstants(graph: Graph): void {
  const readers = consumersOf(graph)
  const codes = new Map<string, string>()
  for (const node of graph.nodes) {
    const [x, scale, zero] = node.inputs.map((name) => graph.initializers.get(name))
    if (fusedName(node) !== 'QuantizeLinear' || !x || !scale || node.attributes.block_size) continue
    const source = node.inputs[0] as string
    const zeros = zero ?? tensorOf('uint8', scale.dims, new Array(elementCount(scale.dims)).fill(0))
    const axis = positive(Number(node.attributes.axis ?? 1), x.dims.length)
    const name = uniqueName(graph, `${source}_quantized`)
    codes.set(node.outputs[0] as string, addInitializer(graph, name, quantizedTensor(x, scale, zeros, axis)).name)
    // Its name is that of the dequantized parameter.
    if (readers.get(source)?.length === 1) {
      graph.initializers.delete(source)
      graph.values.delete(source)
    }
  }
  graph.nodes = graph.nodes
    .filter(({ outputs }) => !codes.has(outputs[0] ?? ''))
    .map((node) => ({ ...node, inputs: node.inputs.map((name) => codes.get(name) ?? name) }))
}

const positive = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/**
 * The nodes that dequantize a graph's constants, and the names of the numbers by those of the codes.
 * @throws {UnsupportedOperatorError} for codes with a list of scales that are moved before they are read.
 */
export function dequantizedConstants(graph: Graph): { nodes: Node[]; numbers: Map<string, string> } {
  const readers = consumersOf(graph)
  const nodes: Node[] = []
  const numbers = new Map<string, string>()
  for (const reading of readingsOf(graph).values()) {
    const direct = readers.get(reading.codes)?.find(({ opType }) => opType === 'DequantizeLinear')
    const output = direct?.outputs[0] ?? `${reading.codes}/numbers`
    const uses = [reading.codes, output].flatMap((name) => readers.get(name) ?? [])
    const byRows = uses.some((node) => readsByRows(node, [reading.codes, output]))
    nodes.push(...dequantize(graph, inLayout(graph, reading, byRows), output, direct))
    numbers.set(reading.codes, output)
  }
  return { nodes, numbers }
}

/** Whether a node looks up rows of a matrix, or multiplies by its transpose. */
function readsByRows({ opType, inputs, attributes }: Node, names: readonly string[]): boolean {
  if (opType === 'Gather') return Number(attributes.axis ?? 0) === 0
  if (opType === 'Gemm' || opType === 'QGemm')
    return Boolean(attributes.transB) && names.includes(inputs[opType === 'Gemm' ? 1 : 3] ?? '')
  return opType === 'Transpose' || opType === 'QEmbedLayerNormalization'
}

/**
 * The reading of a matrix with a list of scales, one for each output: the scale of all is repeated. So products and
 * lookups can compute with the codes (tensor/packed-matrix.ts).
 */
function inLayout(graph: Graph, reading: Reading, byRows: boolean): Reading {
  const { codes, scale, zero, block_size } = reading
  const { dims } = graph.initializers.get(codes) as Tensor
  const one = graph.initializers.get(scale) as Tensor
  if (dims.length !== 2 || block_size > 0 || elementCount(one.dims) > 1) return reading
  const axis = byRows ? 0 : 1
  const repeated = (name: string): string => {
    const value = graph.initializers.get(name) as Tensor
    const count = [dims[axis] as number]
    const list = lazyTensor(value.dtype, count, () => {
      const [first] = elements(value)
      return tensor(value.dtype, count, new dataTypes[value.dtype].array(count[0] as number).fill(first as never))
    })
    return addInitializer(graph, uniqueName(graph, `${name}/list`), list).name
  }
  return { ...reading, axis, scale: repeated(scale), zero: zero && repeated(zero) }
}

/** What onnxruntime's quantization names the matrix of a Gemm that it transposes. */
const transposed = /_Transposed(?=_quantized$)/

/** A DequantizeLinear, which takes the place of another one where there is one. A Gemm's matrix is turned back. */
function dequantize(graph: Graph, reading: Reading, output: string, direct: Node | undefined): Node[] {
  const { codes, scale, zero, axis, block_size } = reading
  const data = graph.initializers.get(codes) as Tensor
  const at = positive(axis, data.dims.length)
  const node = (opType: string, inputs: string[], y: string, attributes: Attributes): Node => ({
    ...(direct ?? { name: `${y}/${opType}`, domain: '' }),
    opType,
    inputs,
    outputs: [y],
    attributes: { ...direct?.attributes, ...attributes },
  })
  const read = (name: string, y: string, along: number): Node =>
    node('DequantizeLinear', zero ? [name, scale, zero] : [name, scale], y, {
      axis: Math.max(0, along),
      ...(block_size > 0 ? { block_size } : {}),
    })
  if (direct || data.dims.length !== 2 || !transposed.test(codes)) return [read(codes, output, at)]
  const matrix = addInitializer(graph, uniqueName(graph, codes.replace(transposed, '')), transposeTensor(data)).name
  return [read(matrix, `${matrix}/numbers`, 1 - at), node('Transpose', [`${matrix}/numbers`], output, { perm: [1, 0] })]
}

/** The readings of all constants whose codes operators read, directly or behind movements, by name. */
function readingsOf(graph: Graph): Map<string, Reading> {
  const producers = producersOf(graph)
  const readings = new Map<string, Reading>()
  for (const node of graph.nodes) {
    const row = quantizedOperatorOf(node)
    const block_size = Number((node.opType === 'DequantizeLinear' && node.attributes.block_size) || 0)
    for (const { codes, scale, zero, axis = -1 } of row?.operands ?? []) {
      const name = node.inputs[scale] ?? ''
      const scales = graph.initializers.get(name)
      if (!scales) continue
      const isList = elementCount(scales.dims) > 1
      const found = constantBehind(graph, producers, { name: node.inputs[codes] ?? '', axis }, isList)
      if (found && !readings.has(found.name))
        readings.set(found.name, {
          codes: found.name,
          scale: name,
          zero: node.inputs[zero] ?? '',
          axis: found.axis,
          block_size,
        })
    }
    const sum = node.inputs[row?.sum ?? -1]
    if (row && sum && !readings.has(sum))
      readings.set(sum, { codes: sum, scale: productOfScales(graph, node, row), zero: '', axis: -1, block_size: 0 })
  }
  return readings
}

interface Codes {
  readonly name: string
  /** The axis of a list of scales. */
  readonly axis: number
}

/** The initializer that holds codes; undefined for codes of activations. */
function constantBehind(
  graph: Graph,
  producers: ReadonlyMap<string, Node>,
  { name, axis }: Codes,
  isList: boolean,
): Codes | undefined {
  if (graph.initializers.has(name)) return { name, axis }
  const node = producers.get(name)
  if (!node || !isMovement(node)) return undefined
  const source = node.inputs[0] as string
  const order = node.opType === 'Transpose' ? [node.attributes.perm ?? [1, 0]].flat() : undefined
  const found = constantBehind(graph, producers, { name: source, axis: Number(order?.at(axis) ?? axis) }, isList)
  if (found && isList && !order)
    throw unsupported({ node }, 'it moves codes that have a list of scales', { expected: 'one scale, or a Transpose' })
  return found
}

/** Name of a constant with the products of the scales of two operands. */
function productOfScales(graph: Graph, node: Node, { operands }: QuantizedOperator): string {
  const [a, b] = operands.map(({ scale }) => constantInput(graph, node, scale)) as [Tensor, Tensor]
  const scales = () => {
    const [factor = 1] = toFloat32(a)
    return float32(
      b.dims,
      toFloat32(b).map((scale) => scale * factor),
    )
  }
  return addInitializer(graph, uniqueName(graph, `${node.name}/scales`), lazyTensor('float32', b.dims, scales)).name
}

/** A constant input. @throws {UnsupportedOperatorError} for one that is computed. */
export function constantInput(graph: Graph, node: Node, i: number): Tensor {
  const data = graph.initializers.get(node.inputs[i] ?? '')
  if (!data) throw unsupported({ node }, `input ${i} ("${node.inputs[i]}") is computed`, { expected: 'a constant' })
  return data
}
