// Tolerances of the golden cases, and the worst error of each kind of tensor.

import { type Tensor, toFloat32 } from '@cola/graph'

export interface KindError {
  /** logits, loss, grad, final, ... */
  kind: string
  /** Greatest absolute difference. */
  error: number
  /** The same as a multiple of what is allowed; above 1 the case fails. */
  worst: number
  /** Tensor that it was found in. */
  tensor: string
}

/** max|a - b| <= 1e-4 (1e-2 + max|b|), or `allowed` where given. */
export function compare(
  kind: string,
  tensor: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  allowed?: number,
): KindError {
  if (actual.length !== expected.length)
    return { kind, tensor, error: Number.POSITIVE_INFINITY, worst: Number.POSITIVE_INFINITY }
  let [error, size] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] as number) - (expected[i] as number))
    error = Math.max(error, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference)
    size = Math.max(size, Math.abs(expected[i] as number))
  }
  return { kind, tensor, error, worst: error / (allowed ?? 1e-4 * (1e-2 + size)) }
}

/** The worst of each kind. */
export function worstOfEach(errors: readonly KindError[]): KindError[] {
  const worst = new Map<string, KindError>()
  for (const error of errors) if (error.worst >= (worst.get(error.kind)?.worst ?? -1)) worst.set(error.kind, error)
  return [...worst.values()]
}

/** Compares every expected tensor whose name starts with `prefix`. A tensor that is not there fails. */
export function compareAll(
  kind: string,
  expected: ReadonlyMap<string, Tensor>,
  actual: ReadonlyMap<string, Tensor>,
  allowed?: number,
): KindError[] {
  return [...expected]
    .filter(([name]) => name.startsWith(`${kind}.`))
    .map(([name, value]) => {
      const own = actual.get(name.slice(kind.length + 1))
      return compare(kind, name, own ? toFloat32(own) : [], toFloat32(value), allowed)
    })
}
