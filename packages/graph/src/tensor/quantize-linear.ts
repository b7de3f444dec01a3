// Codes of a tensor as ONNX's QuantizeLinear computes them.

import { elementCount, elements, lazyTensor, type Tensor, tensorOf, toFloat32 } from './tensor.ts'

/** Least and greatest code by element type. */
const ranges: Partial<Record<Tensor['dtype'], readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int4: [-8, 7],
  uint4: [0, 15],
}

/** Least and greatest code of an element type; undefined for one without codes. */
export const codeRange = (dtype: Tensor['dtype']): readonly [number, number] | undefined => ranges[dtype]

/** The nearest whole number, the even one of two. */
function roundToEven(x: number): number {
  const below = Math.floor(x)
  const rest = x - below
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1
}

/**
 * Codes round(x / scale) + zero point, cut to the range of the zero point's type, on demand.
 * @param scale One, or one for each index of the axis; the zero points have its shape.
 */
export function quantizedTensor(x: Tensor, scale: Tensor, zero: Tensor, axis: number): Tensor {
  const [low, high] = codeRange(zero.dtype) as readonly [number, number]
  const inner = elementCount(x.dims.slice(axis + 1))
  const size = x.dims[axis] ?? 1
  return lazyTensor(zero.dtype, x.dims, () => {
    const [scales, zeros] = [toFloat32(scale), elements(zero)]
    const placeOf = (at: number): number => (scales.length === 1 ? 0 : Math.floor(at / inner) % size)
    const values = toFloat32(x)
    const codes = new Int32Array(values.length)
    for (let at = 0; at < codes.length; at++) {
      const place = placeOf(at)
      const quotient = Math.fround((values[at] as number) / (scales[place] as number))
      codes[at] = Math.min(high, Math.max(low, roundToEven(quotient) + Number(zeros[place])))
    }
    return tensorOf(zero.dtype, x.dims, codes)
  })
}
