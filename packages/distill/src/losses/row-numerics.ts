// Small numerics on rows of typed arrays, in float64.

/** A loss and its gradient with respect to the student's values, shaped as they are. */
export interface ValueAndGradient {
  loss: number
  gradient: Float32Array
}

/** Rows of a matrix, as numbers. */
export function rowsOf(values: ArrayLike<number>, width: number): number[][] {
  return Array.from({ length: values.length / width }, (_, row) =>
    Array.from({ length: width }, (_, i) => values[row * width + i] as number),
  )
}

/** x - max - log(sum(exp(x - max))): finite for logits of any size. */
export function logSoftmax(row: readonly number[]): number[] {
  const greatest = row.reduce((a, b) => Math.max(a, b))
  const total = Math.log(row.reduce((sum, x) => sum + Math.exp(x - greatest), 0))
  return row.map((x) => x - greatest - total)
}

/** log(exp(a) + exp(b)). */
export function logAddExp(a: number, b: number): number {
  const greatest = Math.max(a, b)
  return greatest === Number.NEGATIVE_INFINITY ? greatest : greatest + Math.log1p(Math.exp(-Math.abs(a - b)))
}

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)

/** Sums a loss over rows. */
export function sumRows(rows: readonly (readonly [number, readonly number[]])[]): ValueAndGradient {
  return {
    loss: rows.reduce((sum, [loss]) => sum + loss, 0),
    gradient: Float32Array.from(rows.flatMap(([, gradient]) => gradient)),
  }
}
