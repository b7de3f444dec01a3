// Random forms of operators with quantized matrices.

import type { DataType } from '../../../src/index.ts'
import type { quantized } from '../../../src/rewrite/decompositions/quantized.ts'
import { type Draw, floats, type Sweep, type SweepInput } from './sweep.ts'

/** A constant of random integers. */
function codes(draw: Draw, dtype: DataType, shape: readonly number[]): SweepInput {
  const [bits, low] = [dtype.endsWith('4') ? 4 : 8, dtype.startsWith('u') ? 0 : -1]
  const range = 2 ** bits
  const count = shape.reduce((a, b) => a * b, 1)
  const values = Array.from({ length: count }, () => draw.int(0, range - 1) + (low * range) / 2)
  return { dtype, shape, values, constant: true }
}

const constants = (draw: Draw, shape: readonly number[], scale = 0.2): SweepInput =>
  floats(draw, shape, {}, { scale, constant: true })

/**
 * Six standard deviations of what x between -1 and 1, rounded to 127 steps of a sign, changes in products of K numbers
 * with a matrix up to `most`: rounding errors are uniform, of variance step^2 / 12.
 */
const int8Error = (K: number, most: number): number => (6 * Math.sqrt(K / 12) * most) / 127

export const quantizedSweeps: { readonly [Name in keyof typeof quantized]: Sweep } = {
  'com.microsoft.MatMulNBits': (draw) => {
    const sizes = { batch: draw.int(1, 2), sequence: draw.int(1, 4) }
    const [bits, block_size] = [draw.pick([4, 8]), draw.pick([16, 32, 64, 128, 256])]
    const [N, K] = [draw.int(1, 9), draw.pick([block_size, 2 * block_size, draw.int(8, 300)])]
    const blocks = Math.ceil(K / block_size)
    // The runtime has no kernel for 8 bits with zero points that are floats.
    const zeros = draw.pick(['none', 'codes', bits === 4 ? 'floats' : 'codes'])
    const zeroPoints =
      zeros === 'none'
        ? null
        : zeros === 'codes'
          ? codes(draw, 'uint8', [N, bits === 4 ? Math.ceil(blocks / 2) : blocks])
          : floats(draw, [N, blocks], {}, { scale: 9, constant: true })
    const bias = draw.flag() ? [null, constants(draw, [N])] : []
    const accuracy = draw.pick([undefined, 0, 1, 2, 3, 4])
    return {
      attributes: {
        K,
        N,
        block_size,
        ...(bits === 8 || draw.flag() ? { bits } : {}),
        ...(accuracy === undefined ? {} : { accuracy_level: accuracy }),
      },
      inputs: [
        floats(draw, draw.flag() ? ['batch', 'sequence', K] : ['sequence', K], sizes),
        codes(draw, 'uint8', [N, blocks, (block_size * bits) / 8]),
        constants(draw, draw.flag() ? [N, blocks] : [N * blocks], 0.01),
        ...(zeroPoints || bias.length ? [zeroPoints] : []),
        ...bias,
      ],
      ...(accuracy === 4 ? { atol: int8Error(K, 0.01 * 2 ** (bits - 1)) } : {}),
      sizes,
    }
  },
  'com.microsoft.MatMulBnb4': (draw) => {
    const sizes = { batch: draw.int(1, 2), sequence: draw.int(1, 4) }
    const block_size = draw.pick([16, 32, 64])
    const [N, K] = [draw.int(1, 9), 2 * draw.int(4, 80)]
    const magnitudes = constants(draw, [Math.ceil((N * K) / block_size)], 0.5)
    return {
      attributes: { K, N, block_size, quant_type: draw.int(0, 1) },
      inputs: [
        floats(draw, draw.flag() ? ['batch', 'sequence', K] : ['sequence', K], sizes),
        codes(draw, 'uint8', [Math.ceil((N * K) / 2)]),
        { ...magnitudes, values: magnitudes.values.map(Math.abs) },
      ],
      sizes,
    }
  },
  'com.microsoft.GatherBlockQuantized': (draw) => {
    const dtype = draw.pick(['uint4', 'int4', 'uint8', 'uint8'] as const)
    const [bits, block_size] = [dtype === 'uint8' ? draw.pick([4, 8]) : 4, draw.pick([16, 32, 64])]
    // The runtime takes bytes with blocks along the last axis only.
    const quantize_axis = dtype === 'uint8' ? 1 : draw.int(0, 1)
    const gather_axis = dtype === 'uint8' ? 0 : draw.int(0, 1)
    const length = draw.pick([block_size, 2 * block_size, 2 * draw.int(4, 60)])
    const shape = quantize_axis === 1 ? [draw.int(2, 9), length] : [length, 2 * draw.int(1, 5)]
    const blocks = Math.ceil(length / block_size)
    const scales = shape.map((size, axis) => (axis === quantize_axis ? blocks : size))
    const stored = dtype === 'uint8' && bits === 4
    const half = ([rows, columns]: readonly number[]) => [rows as number, Math.ceil((columns as number) / 2)]
    const sizes = { batch: draw.int(1, 2), sequence: draw.int(1, 4) }
    const rows = shape[gather_axis] as number
    const ids = Array.from({ length: sizes.batch * sizes.sequence }, () => draw.int(0, rows - 1))
    return {
      attributes: { block_size, gather_axis, quantize_axis, ...(bits === 8 || draw.flag() ? { bits } : {}) },
      inputs: [
        codes(draw, dtype, stored ? half(shape) : shape),
        { dtype: draw.pick(['int32', 'int64']), shape: ['batch', 'sequence'], values: ids },
        constants(draw, scales),
        ...(draw.flag() ? [codes(draw, dtype, stored ? half(scales) : scales)] : []),
      ],
      sizes,
    }
  },
  DequantizeLinear: (draw) => {
    const dtype = draw.pick(['int4', 'uint4', 'int8', 'uint8'] as const)
    const axis = draw.int(0, 1)
    const block_size = draw.pick([0, 0, 8, 16, 32, 64])
    const length = block_size * draw.int(1, 3) || draw.int(3, 40)
    const shape = axis === 1 ? [draw.int(2, 7), length] : [length, draw.int(2, 7)]
    const opset = draw.pick([21, 23])
    const scale = block_size
      ? shape.map((size, i) => (i === axis ? length / block_size : size))
      : draw.pick([[], [shape[axis] as number]])
    return {
      attributes: {
        axis,
        ...(block_size ? { block_size } : {}),
        ...(opset === 23 && draw.flag() ? { output_dtype: draw.int(0, 1) } : {}),
      },
      inputs: [codes(draw, dtype, shape), constants(draw, scale), ...(draw.flag() ? [codes(draw, dtype, scale)] : [])],
      opset,
    }
  },
}
