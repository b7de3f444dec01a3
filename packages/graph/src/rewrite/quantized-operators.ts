// Operators that compute with quantized numbers, as ONNX and onnxruntime's quantization have them, and the operators
// that compute with the numbers themselves.

import type { Attributes, Node } from '../ir/graph.ts'
import { oldDomain } from '../onnx/upgrade.ts'
import { fusedName } from './decompositions/decomposition.ts'
import { scaledDomain } from './integer-products.ts'

/** The inputs that hold an operand: its codes, scale and zero point. */
interface Operand {
  readonly codes: number
  readonly scale: number
  readonly zero: number
  /** The axis of the codes along which a list of scales lies. @default the last */
  readonly axis?: number
}

/** How an operator on quantized numbers is one on numbers. */
export interface QuantizedOperator {
  readonly operands: readonly Operand[]
  /** The inputs with scale and zero point of a quantized result. @default the result is not quantized */
  readonly result?: readonly [scale: number, zero: number]
  /** The operator on the numbers. */
  readonly opType: string
  readonly domain?: string
  /** Its inputs, by their places in the quantized operator. */
  readonly inputs: readonly number[]
  /** Its attributes. @default the node's */
  readonly attributes?: Attributes
  /** The input that is added to its result. */
  readonly bias?: number
  /** An int32 input that has the scale of the first operand times that of the second. */
  readonly sum?: number
}

const operand = (codes: number, scale: number, zero: number): Operand => ({ codes, scale, zero })

const ofTwo = (opType: string) => (): QuantizedOperator => ({
  operands: [operand(0, 1, 2), operand(3, 4, 5)],
  result: [6, 7],
  opType,
  inputs: [0, 3],
})

const ofOne = (opType: string, more: Partial<QuantizedOperator> = {}): QuantizedOperator => ({
  operands: [operand(0, 1, 2)],
  result: [3, 4],
  opType,
  inputs: [0],
  ...more,
})

const rows: Readonly<Record<string, (node: Node) => QuantizedOperator>> = {
  DequantizeLinear: ({ attributes: { axis = 1 } }) => ({
    operands: [{ ...operand(0, 1, 2), axis: Number(axis) }],
    opType: 'Identity',
    inputs: [0],
    attributes: {},
  }),
  QLinearMatMul: ofTwo('MatMul'),
  QLinearConv: ({ attributes }) => ({
    operands: [operand(0, 1, 2), { ...operand(3, 4, 5), axis: 0 }],
    result: [6, 7],
    opType: 'Conv',
    inputs: [0, 3, 8],
    attributes,
    sum: 8,
  }),
  /** Codes of X and W, their scales, their zero points. */
  [`${scaledDomain}.ConvInteger`]: () => ({
    operands: [operand(0, 2, 4), { ...operand(1, 3, 5), axis: 0 }],
    opType: 'Conv',
    inputs: [0, 1],
  }),
  'com.microsoft.QLinearAdd': ofTwo('Add'),
  'com.microsoft.QLinearMul': ofTwo('Mul'),
  'com.microsoft.QLinearSigmoid': () => ofOne('Sigmoid'),
  'com.microsoft.QLinearLeakyRelu': () => ofOne('LeakyRelu'),
  'com.microsoft.QLinearSoftmax': ({ attributes: { axis = -1, opset = 13 } }) =>
    ofOne('Softmax', { domain: Number(opset) < 13 ? oldDomain : '', attributes: { axis } }),
  'com.microsoft.QLinearConcat': ({ inputs }) => {
    const places = Array.from({ length: (inputs.length - 2) / 3 }, (_, i) => 2 + 3 * i)
    const operands = places.map((at) => operand(at, at + 1, at + 2))
    return { operands, result: [0, 1], opType: 'Concat', inputs: places }
  },
  'com.microsoft.QGemm': ({ inputs, attributes: { transB = 0, ...attributes } }) => ({
    operands: [operand(0, 1, 2), { ...operand(3, 4, 5), axis: transB ? 0 : 1 }],
    ...(inputs[7] ? { result: [7, 8] } : {}),
    opType: 'Gemm',
    inputs: [0, 3, 6],
    attributes: { transB, ...attributes },
    sum: 6,
  }),
  'com.microsoft.MatMulIntegerToFloat': () => ({
    operands: [operand(0, 2, 4), operand(1, 3, 5)],
    opType: 'MatMul',
    inputs: [0, 1],
    bias: 6,
  }),
  'com.microsoft.DynamicQuantizeMatMul': () => ({
    operands: [operand(1, 2, 3)],
    opType: 'MatMul',
    inputs: [0, 1],
    bias: 4,
  }),
  'com.microsoft.QAttention': () => ({
    operands: [operand(0, 3, 6), operand(1, 4, 7)],
    opType: 'Attention',
    domain: 'com.microsoft',
    inputs: [0, 1, 2, 5, 8],
  }),
  /** Tables of tokens, positions and types, scale and shift. */
  'com.microsoft.QEmbedLayerNormalization': () => ({
    operands: [2, 3, 4, 5, 6].map((at) => operand(at, at + 6, at + 11)),
    opType: 'EmbedLayerNormalization',
    domain: 'com.microsoft',
    inputs: [0, 1, 2, 3, 4, 5, 6, 7],
  }),
}

/** The row of a node's operator, with the places of its inputs; undefined for an operator on other numbers. */
export const quantizedOperatorOf = (node: Node): QuantizedOperator | undefined => rows[fusedName(node)]?.(node)

/** The LSTM of dynamic quantization, which `dequantizedLstms` reads. */
export const quantizedLstm = 'com.microsoft.DynamicQuantizeLSTM'

/** Operators of a quantized file that `withoutQuantization` reads, with their domains. */
export const quantizedNames: readonly string[] = [...Object.keys(rows), quantizedLstm]
