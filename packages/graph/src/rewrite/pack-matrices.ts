// Computes with the codes of packed matrices, so that they stay in 4 or 8 bits on every device: x W' is
// com.microsoft.MatMulNBits; a lookup gathers rows of codes; in a training graph, where the gradient dy W reads the
// matrix too, each reader gets it from a DequantizeLinear of its own, whose result is freed after the reader has run.

import { requireKind } from '../door.ts'
import { type Checks, checkOptions, flag, oneOf } from '../options.ts'
import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { attributesOf } from '../ops/add-node.ts'
import { build, type Builder } from '../ops/build.ts'
import { packNibbles } from '../tensor/nibbles.ts'
import { blockCount, middleCode } from '../tensor/packed-matrix.ts'
import { elements, lazyTensor, type PackedMatrix, type Tensor, tensor } from '../tensor/tensor.ts'
import { isPlainProduct } from './frozen-matrix.ts'
import { type LinearNode, linearNodes } from './linear-nodes.ts'
import { memoize } from './memoize.ts'
import { prune } from './prune.ts'
import { replaceProducer } from './rewrite-outputs.ts'

/** How products with packed matrices are computed. */
export interface PackOptions {
  /**
   * `accuracy_level` of MatMulNBits: 0 in float32, 4 with x rounded to 8 bits, `file` as each matrix's file has it.
   * @default 0
   */
  readonly accuracyLevel?: number | 'file'
  /**
   * Look rows up by GatherBlockQuantized where it has a form for them, as files have it: its readers know embeddings by
   * it. Else by operators that every device has. @default false
   */
  readonly gathers?: boolean
}

const checks: Checks<PackOptions> = { accuracyLevel: oneOf([0, 1, 2, 3, 4, 'file']), gathers: flag }

/** A builder with constants that several nodes read. */
interface Packer extends Builder {
  readonly once: (name: string, data: Tensor) => Value
  readonly accuracyLevel: number | 'file'
}

/** The first operator set whose DequantizeLinear has blocks and takes 4-bit integers. */
const blockedOpset = 21

/**
 * A copy of the graph that reads the codes of its packed matrices; the graph itself if it has none. Values keep their
 * names and, where no accuracy level is asked for, their numbers: float32, as with the dequantized matrices.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function packMatrices(graph: Graph, options: PackOptions = {}): Graph {
  checkOptions('packMatrices', options, checks)
  requireKind('packMatrices, graph', graph, 'graph')
  const { accuracyLevel = 0, gathers = false } = options
  const packed = new Map(
    [...graph.initializers].flatMap(([name, tensor]) => (tensor.packed ? [[name, tensor.packed] as const] : [])),
  )
  if (packed.size === 0) return graph
  const { productOf, tableOf, isDequantized } = readersOf(graph, packed)
  const result: Graph = { ...cloneGraph(graph), nodes: [], opset: Math.max(graph.opset, blockedOpset) }
  const constants = memoize<Value>()
  const g: Packer = {
    ...build(result),
    once: (name, data) => constants(name, () => g.constant(name, data)),
    accuracyLevel,
  }
  for (const node of graph.nodes) {
    const [product, table] = [productOf(node), tableOf(node)]
    if (product && !isDequantized(product.weight)) multiply(g, product, packed.get(product.weight) as PackedMatrix)
    else if (table) (gathers && isGatherable(table) ? gather : lookUp)(g, node, table)
    else result.nodes.push(withDequantized(g, node, packed))
  }
  prune(result)
  return result
}

/** How the nodes of a graph read packed matrices. */
interface Readers {
  /** The product x W' that a node computes. */
  readonly productOf: (node: Node) => LinearNode | undefined
  /** The matrix whose rows a node looks up. */
  readonly tableOf: (node: Node) => PackedMatrix | undefined
  /**
   * Whether a node reads the matrix in another way, as the gradient does. Then products read the dequantized matrix
   * too: MatMulNBits would hold a copy of the codes, in the order of its kernel.
   */
  readonly isDequantized: (weight: string) => boolean
}

function readersOf(graph: Graph, packed: ReadonlyMap<string, PackedMatrix>): Readers {
  const linear = linearNodes(graph)
  const productOf: Readers['productOf'] = ({ outputs }) => {
    const product = linear.get(outputs[0] as string)
    const matrix = product && packed.get(product.weight)
    return matrix && isPlainProduct(product) && product.transposed !== matrix.transposed ? product : undefined
  }
  const tableOf: Readers['tableOf'] = ({ opType, inputs, attributes: { axis = 0 } }) => {
    const table = opType === 'Gather' && axis === 0 ? packed.get(inputs[0] as string) : undefined
    return table?.transposed === false ? table : undefined
  }
  const sources = new Map(
    graph.nodes.flatMap(({ opType, inputs, outputs }) => (opType === 'Transpose' ? [[outputs[0], inputs[0]]] : [])),
  )
  const others = graph.nodes.filter((node) => node.opType !== 'Transpose' && !productOf(node) && !tableOf(node))
  const dequantized = new Set(others.flatMap(({ inputs }) => inputs.map((name) => sources.get(name) ?? name)))
  return { productOf, tableOf, isDequantized: (weight) => dequantized.has(weight) }
}

/** x W' + bias. */
function multiply(g: Packer, { node, weight }: LinearNode, matrix: PackedMatrix): void {
  const { K, N, bits, blockSize } = matrix
  const [x, , bias] = node.inputs.map((name) => getValue(g.graph, name)) as [Value, Value, Value | undefined]
  const { codes, scales, zeros } = parametersOf(g, weight, matrix)
  const inputs = zeros ? [x, codes, scales, zeros] : [x, codes, scales]
  const level = g.accuracyLevel === 'file' ? (matrix.accuracyLevel ?? 0) : g.accuracyLevel
  const attributes = { K, N, bits, block_size: blockSize, ...(level === 0 ? {} : { accuracy_level: level }) }
  const options = { name: node.name, scope: node.scope }
  const output = node.outputs[0] as string
  if (bias) replaceProducer(g.graph, output, 'Add', [g.MatMulNBits(...inputs, attributes), bias], options)
  else replaceProducer(g.graph, output, 'MatMulNBits', inputs, { ...options, attributes })
}

/** Codes, scales and zero points of a matrix as MatMulNBits takes them; one set for all its readers. */
function parametersOf(g: Packer, weight: string, { N, bits, codes, scales, zeroPoints, ...rest }: PackedMatrix) {
  const blocks = blockCount(rest)
  return {
    codes: g.once(`${weight}.int${bits}`, codes),
    scales: g.once(`${weight}.scales`, scales),
    zeros: zeroPoints && g.once(`${weight}.zero_points`, bits === 8 ? zeroPoints : packRows(zeroPoints, N, blocks)),
  }
}

/** 4-bit integers [N, blocks] as bytes [N, ceil(blocks / 2)]: each row starts with a byte. */
function packRows(source: Tensor, N: number, blocks: number): Tensor {
  const width = Math.ceil(blocks / 2)
  return lazyTensor('uint8', [N, width], () => {
    const values = elements(source) as Uint8Array
    const bytes = new Uint8Array(N * width)
    for (let n = 0; n < N; n++) bytes.set(packNibbles(values.subarray(n * blocks, (n + 1) * blocks)), n * width)
    return tensor('uint8', [N, width], bytes)
  })
}

/**
 * The node with a dequantized matrix in place of each packed one; its Gemm reads the matrix in the order of the codes.
 */
function withDequantized(g: Packer, node: Node, packed: ReadonlyMap<string, PackedMatrix>): Node {
  const inputs = node.inputs.map((name, i) => {
    const matrix = packed.get(name)
    if (!matrix) return name
    const rows = dequantize(g, name, matrix)
    return matrix.transposed && !isFactor(node, i) ? g.Transpose(rows, { perm: [1, 0] }).name : rows.name
  })
  const swapped = node.inputs.some((name, i) => packed.get(name)?.transposed && isFactor(node, i))
  if (!swapped) return inputs.every((name, i) => name === node.inputs[i]) ? node : { ...node, inputs }
  const { transB } = attributesOf(node)
  return { ...node, inputs, attributes: { ...node.attributes, transB: transB ? 0 : 1 } }
}

/** Whether an input is the second factor of a Gemm, which reads it either way round. */
const isFactor = ({ opType }: Node, input: number): boolean => opType === 'Gemm' && input === 1

/**
 * W [N, K] from its codes. A row for each block: with one scale a row the kernels take half the time for 4 bits, and a
 * sixth for 8, of what they take with the attribute block_size. Each reader has a node of its own, and zero points of
 * its own (the smallest of its inputs) so that the runtime does not join the nodes: a shared matrix would live until its
 * last reader has run.
 */
function dequantize(g: Packer, weight: string, matrix: PackedMatrix): Value {
  const { bits, blockSize, N, K, codes, scales, zeroPoints } = matrix
  const rows = N * blockCount(matrix)
  const [dtype, width] = [bits === 4 ? ('uint4' as const) : ('uint8' as const), blockCount(matrix) * blockSize]
  const zeros = lazyTensor(dtype, [rows], () => {
    const values = zeroPoints ? elements(zeroPoints) : new Uint8Array(rows).fill(middleCode(bits))
    return tensor(dtype, [rows], bits === 4 ? packNibbles(values as Uint8Array) : values)
  })
  const blocks = g.DequantizeLinear(
    g.once(`${weight}.u${dtype.slice(1)}`, { dtype, dims: [rows, blockSize], bytes: codes.bytes }),
    g.once(`${weight}.block_scales`, { ...scales, dims: [rows] }),
    g.constant(`${weight}.zeros`, zeros),
    { axis: 0 },
  )
  const whole = g.Reshape(blocks, g.int64([N, width]))
  return width === K ? whole : g.Slice(whole, g.int64([0]), g.int64([K]), g.int64([1]))
}

/**
 * Rows of W: their codes are gathered as bytes, and made numbers by operators that every device has. Half a byte h and
 * l of b = 16 h + l: h = floor(b / 16).
 */
function lookUp(g: Packer, node: Node, matrix: PackedMatrix): void {
  const { bits, blockSize, K, scales, zeroPoints } = matrix
  const [weight, ids] = node.inputs.map((name) => getValue(g.graph, name)) as [Value, Value]
  const blocks = blockCount(matrix)
  const shape = (...sizes: number[]): Value => g.Concat(g.Shape(ids), g.int64(sizes), { axis: 0 })
  const toFloat = (bytes: Value): Value => g.DequantizeLinear(bytes, g.scalar(1))
  const bytes = toFloat(g.Gather(parametersOf(g, weight.name, matrix).codes, ids))
  const codes = bits === 8 ? bytes : g.Reshape(halves(g, bytes), shape(blocks, blockSize))
  const column = (name: string, data: Tensor): Value =>
    g.Gather(g.once(name, { ...data, dims: [...data.dims, 1] }), ids)
  const zero = zeroPoints
    ? toFloat(column(`${weight.name}.zero_points.column`, zeroPoints))
    : g.scalar(middleCode(bits))
  const values = g.Mul(g.Sub(codes, zero), column(`${weight.name}.scales.column`, scales))
  const rows = g.Reshape(values, shape(blocks * blockSize))
  const options = { name: node.name, scope: node.scope }
  const output = node.outputs[0] as string
  if (blocks * blockSize === K) replaceProducer(g.graph, output, 'Identity', [rows], options)
  else {
    const bounds = [g.int64([0]), g.int64([K]), g.int64([ids.shape.length])]
    replaceProducer(g.graph, output, 'Slice', [rows, ...bounds], options)
  }
}

/** Whether GatherBlockQuantized takes the blocks of a matrix: powers of two that fill each row. */
const isGatherable = ({ K, blockSize }: PackedMatrix): boolean =>
  K % blockSize === 0 && blockSize >= 16 && Number.isInteger(Math.log2(blockSize))

/** Rows of W, by the operator that files have for them. */
function gather(g: Packer, node: Node, matrix: PackedMatrix): void {
  const [weight, ids] = node.inputs.map((name) => getValue(g.graph, name)) as [Value, Value]
  const { N, K, bits, blockSize, codes } = matrix
  const { scales, zeros } = parametersOf(g, weight.name, matrix)
  const rows = g.once(`${weight.name}_Q${bits}`, { ...codes, dims: [N, (K * bits) / 8] })
  const attributes = { bits, block_size: blockSize, gather_axis: 0, quantize_axis: 1 }
  const options = { name: node.name, scope: node.scope, attributes }
  const inputs = zeros ? [rows, ids, scales, zeros] : [rows, ids, scales]
  replaceProducer(g.graph, node.outputs[0] as string, 'GatherBlockQuantized', inputs, options)
}

/** The low and the high half of each byte, side by side on a new last axis. */
function halves(g: Builder, bytes: Value): Value {
  const high = g.Floor(g.Mul(bytes, g.scalar(1 / 16)))
  const low = g.Sub(bytes, g.Mul(high, g.scalar(16)))
  const axis = g.int64([bytes.shape.length])
  return g.Concat(g.Unsqueeze(low, axis), g.Unsqueeze(high, axis), { axis: bytes.shape.length })
}
