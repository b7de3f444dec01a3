// Decompositions of operators with constant quantized matrices. The matrix becomes a float32 initializer that keeps its
// codes (tensor/packed-matrix.ts): packMatrices computes with them again.

import { addInitializer, type Value } from '../../ir/graph.ts'
import { linalg } from '../../ops/linalg.ts'
import { axisOf } from '../../ops/operator.ts'
import { bnb4Tensor } from '../../tensor/bnb4.ts'
import { dequantizedTensor } from '../../tensor/dequantize.ts'
import { unpackNibbles } from '../../tensor/nibbles.ts'
import { blockCount, dense, middleCode, packedTensor } from '../../tensor/packed-matrix.ts'
import { elementCount, elements, lazyTensor, type Tensor, tensor } from '../../tensor/tensor.ts'
import { type Decomposition, type FusedContext, int, required, unsupported } from './decomposition.ts'

export const quantized = {
  /** x W' + bias. The accuracy level only allows the runtime to round x; the decomposition does not. */
  'com.microsoft.MatMulNBits': {
    inputs: [3, 6],
    attributes: {
      K: ['int'],
      N: ['int'],
      bits: ['int', 4],
      block_size: ['int'],
      accuracy_level: ['int', 0],
      weight_prepacked: ['int', 0],
    },
    supported: { bits: [4, 8], weight_prepacked: [0] },
    apply: (c) => {
      const [x, groups, bias] = [required(c, 0), c.x[4], c.x[5]]
      if (groups) throw unsupported(c, 'input 4 (g_idx, groups of inputs in another order) is not supported')
      const matrix = initializer(c, required(c, 1).name, nBitsMatrix(c))
      const product = c.g.MatMul(x, c.g.Transpose(matrix, { perm: [1, 0] }))
      return [bias ? c.g.Add(product, bias) : product]
    },
  },
  /** x W' with bitsandbytes' types, which have no packed form: the matrix is float32. */
  'com.microsoft.MatMulBnb4': {
    inputs: [3, 3],
    attributes: {
      K: ['int'],
      N: ['int'],
      block_size: ['int'],
      quant_type: ['int'],
      training_mode: ['int', 0],
      transB: ['int', 1],
    },
    supported: { quant_type: [0, 1], transB: [1] },
    apply: (c) => {
      const [N, K, blockSize, type] = ['N', 'K', 'block_size', 'quant_type'].map((name) => int(c, name)) as [
        number,
        number,
        number,
        number,
      ]
      const codes = sized(c, 1, [Math.ceil((N * K) / 2)])
      const absmax = sized(c, 2, [Math.ceil((N * K) / blockSize)])
      const matrix = bnb4Tensor({ codes, absmax, N, K, blockSize, type })
      const value = initializer(c, required(c, 1).name, matrix)
      return [c.g.MatMul(required(c, 0), c.g.Transpose(value, { perm: [1, 0] }))]
    },
  },
  /** Rows of a quantized tensor. */
  'com.microsoft.GatherBlockQuantized': {
    inputs: linalg.GatherBlockQuantized.inputs,
    attributes: linalg.GatherBlockQuantized.attributes,
    supported: { bits: [4, 8] },
    apply: (c) => {
      const [data, ids] = [required(c, 0), required(c, 1)]
      const table = initializer(c, data.name, gatherTable(c))
      return [c.g.Gather(table, ids, { axis: axisOf(int(c, 'gather_axis'), table.shape.length, c.node.name) })]
    },
  },
  /** A constant becomes a float32 initializer; what is quantized at run time (a dropout mask) stays as it is. */
  DequantizeLinear: {
    inputs: [2, 3],
    attributes: { axis: ['int', 1], block_size: ['int', 0], output_dtype: ['int', 0] },
    supported: { output_dtype: [0, 1] },
    apply: (c) => {
      const { axis, block_size } = c.attributes
      const [x, scale, zero] = c.x.map((value) => value && constantOf(c, value))
      if (!x || !scale || (c.x[2] && !zero))
        return [c.g.DequantizeLinear(...c.x.map((value) => value ?? null), { axis, block_size } as never)]
      const at = elementCount(scale.dims) === 1 ? 0 : axisOf(Number(axis), x.dims.length, c.node.name)
      return [
        initializer(
          c,
          required(c, 0).name,
          dequantizedTensor({ x, scale, zero, axis: at, blockSize: Number(block_size) }),
        ),
      ]
    },
  },
} satisfies Record<string, Decomposition>

/** The matrix of a MatMulNBits. With zero points that are no codes (floats) it has no packed form. */
function nBitsMatrix(c: FusedContext): Tensor {
  const [N, K, blockSize, bits] = ['N', 'K', 'block_size', 'bits'].map((name) => int(c, name)) as [
    number,
    number,
    number,
    4 | 8,
  ]
  const blocks = blockCount({ K, blockSize })
  const given = c.x[3] && constant(c, 3)
  const isFloat = given?.dtype.startsWith('float')
  const matrix = packedTensor({
    bits,
    blockSize,
    N,
    K,
    codes: sized(c, 1, [N, blocks, (blockSize * bits) / 8]),
    scales: sized(c, 2, [N, blocks]),
    zeroPoints:
      given &&
      (bits === 8 || isFloat
        ? sized(c, 3, [N, blocks])
        : unpackedRows(sized(c, 3, [N, Math.ceil(blocks / 2)]), [N, blocks])),
    transposed: false,
    accuracyLevel: int(c, 'accuracy_level'),
  })
  return isFloat ? dense(matrix) : matrix
}

/** The table of a GatherBlockQuantized. Bytes hold one or two unsigned codes whose middle means 0. */
function gatherTable(c: FusedContext): Tensor {
  const bits = int(c, 'bits') as 4 | 8
  const [x, scale] = [constant(c, 0), constant(c, 2)]
  const zero = c.x[3] && constant(c, 3)
  const axis = axisOf(int(c, 'quantize_axis'), x.dims.length, c.node.name)
  const source = { axis, blockSize: int(c, 'block_size') }
  if (x.dtype !== 'uint8') return dequantizedTensor({ ...source, x, scale, zero })
  const dims = [...x.dims.slice(0, -1), ((x.dims.at(-1) as number) * 8) / bits]
  return dequantizedTensor({
    ...source,
    x: bits === 4 ? { dtype: 'uint4', dims, bytes: x.bytes } : x,
    scale,
    zero: zero ? (bits === 4 ? unpackedRows(zero, scale.dims) : zero) : middleCode(bits),
  })
}

/** 4-bit integers, packed in bytes by rows of the last axis, as one byte each. */
function unpackedRows(source: Tensor, dims: readonly number[]): Tensor {
  return lazyTensor('uint8', dims, () => {
    const [bytes, width] = [elements(source) as Uint8Array, dims.at(-1) as number]
    const stride = Math.ceil(width / 2)
    const rows = new Uint8Array(elementCount(dims))
    for (let row = 0; row * width < rows.length; row++)
      rows.set(unpackNibbles(bytes.subarray(row * stride, (row + 1) * stride), width), row * width)
    return tensor('uint8', dims, rows)
  })
}

/** The tensor of a constant input. @throws {UnsupportedOperatorError} for one that is computed. */
function constant(c: FusedContext, i: number): Tensor {
  const data = constantOf(c, required(c, i))
  if (!data)
    throw unsupported(c, `input ${i} ("${c.x[i]?.name}") is computed`, {
      expected: 'a constant of the file',
      fix: 'Export the model with its quantized weights as initializers.',
    })
  return data
}

/** A constant input with the given dims. @throws {UnsupportedOperatorError} for one of another size. */
function sized(c: FusedContext, i: number, dims: readonly number[]): Tensor {
  const data = constant(c, i)
  if (elementCount(data.dims) !== elementCount(dims))
    throw unsupported(c, `input ${i} ("${c.x[i]?.name}") has another size than N, K, bits and block_size say`, {
      expected: `[${dims}]`,
      found: `[${data.dims}]`,
    })
  return { ...data, dims }
}

/** The tensor of an initializer, or of one behind a Reshape: an embedding that shares the head's codes. */
function constantOf(c: FusedContext, value: Value): Tensor | undefined {
  const own = c.tensorOf(value)
  if (own) return own
  const producer = c.g.graph.nodes.findLast(({ outputs }) => outputs.includes(value.name))
  const source = producer?.opType === 'Reshape' && c.g.graph.initializers.get(producer.inputs[0] as string)
  return source ? { ...source, dims: value.shape as number[] } : undefined
}

/** What quantizing tools append to a matrix's name. */
const endings = /(_DQ)?_Q\d+\w*$|_Bnb4$|_quant(ized)?(_\w+)?$|\.u?int[48]$|(?<=\.)q(?=weight$)/

/** An initializer named after the codes; one for all nodes that read the same codes in the same way. */
function initializer({ g: { graph } }: FusedContext, codes: string, matrix: Tensor): Value {
  const base = codes.replace(endings, '')
  for (let i = 0; ; i++) {
    const name = i === 0 ? base : `${base}_${i}`
    const other = graph.initializers.get(name)
    if (other && isSame(other, matrix)) return graph.values.get(name) as Value
    if (!graph.values.has(name)) return addInitializer(graph, name, matrix)
  }
}

/** Whether two matrices have the same codes in the same places. */
const isSame = (a: Tensor, b: Tensor): boolean =>
  a.dims.join() === b.dims.join() && a.packed !== undefined && a.packed.codes.bytes === b.packed?.codes.bytes
