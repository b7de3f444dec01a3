// Rows of matrices: a part of them, and several matrices below each other; transposed matrices. Quantized matrices keep
// their codes.

import { requireKind } from '../door.ts'
import { concatenateChunks } from './concatenate-chunks.ts'
import { blockCount, middleCode, packedTensor } from './packed-matrix.ts'
import { elements, lazyTensor, type PackedMatrix, type Tensor, tensor } from './tensor.ts'

/** Rows `begin` to `end` (exclusive) of a tensor of whole bytes; they are read when their bytes are. */
export function rowsOf(source: Tensor, begin: number, end: number): Tensor {
  requireKind('rowsOf, source', source, 'tensor')
  const { dtype, dims, bytes, packed } = source
  if (packed && !packed.transposed) {
    const parts = mapParts([packed], ([part]) => rowsOf(part, begin, end))
    return packedTensor({ ...packed, N: end - begin, ...parts })
  }
  const [rows, ...rest] = dims as [number, ...number[]]
  return {
    dtype,
    dims: [end - begin, ...rest],
    bytes: () => {
      const all = bytes()
      const size = all.length / rows
      return all.subarray(begin * size, end * size)
    },
  }
}

/** The rows of tensors with equal further dimensions below each other. */
export function stackRows(tensors: readonly [Tensor, ...Tensor[]]): Tensor {
  requireKind('stackRows, tensors', tensors, 'list')
  const [{ dtype, dims }] = tensors
  const rows = tensors.reduce((sum, tensor) => sum + (tensor.dims[0] as number), 0)
  const packed = tensors.flatMap((tensor) => tensor.packed ?? [])
  const [first] = packed
  if (first && packed.length === tensors.length && packed.every((other) => isAlike(first, other)))
    return packedTensor({ ...first, N: rows, ...mapParts(packed, stackRows) })
  return {
    dtype,
    dims: [rows, ...dims.slice(1)],
    bytes: () => concatenateChunks(tensors.map((tensor) => tensor.bytes())),
  }
}

/** A matrix with its axes swapped; elements are read when its bytes are. */
export function transposeTensor(source: Tensor): Tensor {
  requireKind('transposeTensor, source', source, 'tensor')
  const { dtype, dims, packed } = source
  if (packed) return packedTensor({ ...packed, transposed: !packed.transposed })
  const [rows, columns] = dims as [number, number]
  return lazyTensor(dtype, [columns, rows], () => {
    const values = elements(source)
    const result = values.slice()
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        result[column * rows + row] = values[row * columns + column] as never
    return tensor(dtype, [columns, rows], result)
  })
}

const isAlike = (a: PackedMatrix, b: PackedMatrix): boolean =>
  !a.transposed &&
  !b.transposed &&
  a.bits === b.bits &&
  a.blockSize === b.blockSize &&
  a.K === b.K &&
  (a.accuracyLevel ?? 0) === (b.accuracyLevel ?? 0)

/** The zero points of a matrix, also where it has none of its own. */
function zerosOf({ N, bits, zeroPoints, ...rest }: PackedMatrix): Tensor {
  const dims = [N, blockCount(rest)]
  const middle = () => tensor('uint8', dims, new Uint8Array(N * blockCount(rest)).fill(middleCode(bits)))
  return zeroPoints ?? lazyTensor('uint8', dims, middle)
}

/** Codes, scales and zero points of matrices, each combined by `change`; their rows are the matrices' rows. */
function mapParts(
  matrices: readonly PackedMatrix[],
  change: (tensors: readonly [Tensor, ...Tensor[]]) => Tensor,
): Pick<PackedMatrix, 'codes' | 'scales' | 'zeroPoints'> {
  const combined = (of: (matrix: PackedMatrix) => Tensor) => change(matrices.map(of) as [Tensor, ...Tensor[]])
  return {
    codes: combined(({ codes }) => codes),
    scales: combined(({ scales }) => scales),
    ...(matrices.some(({ zeroPoints }) => zeroPoints) ? { zeroPoints: combined(zerosOf) } : {}),
  }
}
