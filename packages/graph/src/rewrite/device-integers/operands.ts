// What the integer inputs of operators are, and which operators compute on int32 what they compute on int64.

import type { Node } from '../../ir/graph.ts'
import type { DataType } from '../../tensor/dtype.ts'

/** `host`: a shape, axes or positions of a Slice, which all providers read on the host; `index`: rows or elements. */
export type Operand = 'data' | 'index' | 'host'

const host: Readonly<Record<string, readonly number[]>> = {
  Reshape: [1],
  Expand: [1],
  Tile: [1],
  Slice: [1, 2, 3, 4],
  Unsqueeze: [1],
  Squeeze: [1],
  Split: [1],
  Pad: [1, 3],
  CumSum: [1],
  TopK: [1],
  Trilu: [1],
  Range: [0, 1, 2],
  ConstantOfShape: [0],
  ...Object.fromEntries(
    ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'SumSquare', 'L1', 'L2', 'LogSum', 'LogSumExp'].map((name) => [
      `Reduce${name}`,
      [1],
    ]),
  ),
}

const index = new Set(['Gather', 'GatherElements', 'GatherND', 'ScatterElements', 'ScatterND'])

/** Operators whose indices ONNX has as int64 only. */
export const int64Index = new Set(['GatherND', 'ScatterND'])

/** What input `i` of a node is. */
export function operandOf({ opType, domain }: Node, i: number): Operand {
  if (domain !== '' || host[opType]?.includes(i)) return 'host'
  return index.has(opType) && i === 1 ? 'index' : 'data'
}

/** Operators whose output has the type of their inputs, so that int32 may take the place of int64. */
export const narrowable = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Pow', 'Neg', 'Abs', 'Where', 'Cast'],
  ...['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Expand', 'Tile', 'Concat', 'Split'],
  ...['Slice', 'Gather', 'GatherElements', 'GatherND', 'ScatterND', 'ScatterElements', 'Trilu'],
  ...['CumSum', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceProd'],
])

/** Operators without kernels for a type: they run on float32, which has all whole numbers up to 2^24. */
const floatOnly: Readonly<Partial<Record<DataType, readonly string[]>>> = {
  int32: ['Slice', 'GatherElements', 'Neg', 'Abs'],
  bool: ['Slice', 'GatherElements', 'GatherND', 'Concat', 'Transpose', 'Squeeze', 'Identity', 'Tile', 'Split'],
}

/** Whether an operator's results of a type are computed on float32. */
export const isFloatOnly = (opType: string, dtype: DataType): boolean => floatOnly[dtype]?.includes(opType) ?? false

/** Operators that repeat their inputs along axes of size 1. */
export const broadcasting = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Where', 'And', 'Or'],
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'],
])
