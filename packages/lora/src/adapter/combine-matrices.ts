// The combination types of PEFT's add_weighted_adapter: the matrices A and B of one module from those of several
// adapters. peft 0.21, tuners/lora/model.py and utils/merge_utils.py.

import { type Checks, integer, oneOf, share, whole } from '@cola/graph/options'
import { random } from '@cola/data'
import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { truncatedSvd } from '../linalg.ts'
import { add, arrayOf, beside, matrixOf, multiply, scale, scaleColumns, stack } from '../matrix.ts'

const combinationTypes = ['linear', 'cat', 'svd', 'ties', 'dare_linear', 'dare_ties', 'magnitude_prune'] as const

/** Ways to combine adapters: PEFT's `combination_type`. */
export type CombinationType = (typeof combinationTypes)[number]

/** Options of {@link combineAdapters}. */
export interface CombineOptions {
  /** @default 'linear' */
  combination_type?: CombinationType
  /** Share of the values that ties, dare and magnitude_prune keep, 0 to 1. @default 1 */
  density?: number
  /** How ties elects a sign: by the sum of the values or by their number. @default 'total' */
  majority_sign_method?: 'total' | 'frequency'
  /** Rank of svd's result. @default the greatest rank */
  svd_rank?: number
  /**
   * Index of the adapter whose head and other modules saved in full are kept, where several have them.
   * @default none: an error
   */
  head?: number
  /** Seed of dare's random choice. @default 0 */
  seed?: number
}

/** Checks of {@link CombineOptions}. */
export const combineChecks: Checks<CombineOptions> = {
  combination_type: oneOf(combinationTypes),
  density: share,
  majority_sign_method: oneOf(['total', 'frequency']),
  svd_rank: whole(1),
  head: whole(0),
  seed: integer,
}

/** The matrices of one adapter at a module, A [r, in] and B [out, r]. */
export interface Part {
  A: Tensor
  B: Tensor
  weight: number
  scaling: number
}

type Merge = (
  tensors: readonly Float32Array[],
  weights: readonly number[],
  options: CombineOptions & { salt: string },
) => Float32Array

const weightedSum: Merge = (tensors, weights) =>
  (tensors[0] as Float32Array).map((_, i) =>
    tensors.reduce((sum, tensor, k) => sum + (weights[k] as number) * (tensor[i] as number), 0),
  )

/** Keeps the share `density` of the values with the greatest magnitude. */
function magnitudePrune(tensor: Float32Array, density: number): Float32Array {
  if (density >= 1) return tensor
  const order = Array.from(tensor.keys()).sort(
    (a, b) => Math.abs(tensor[b] as number) - Math.abs(tensor[a] as number) || a - b,
  )
  const kept = new Float32Array(tensor.length)
  for (const i of order.slice(0, Math.floor(density * tensor.length))) kept[i] = tensor[i] as number
  return kept
}

/** Keeps random values, scaled by 1 / density so that the mean stays. Yu et al. 2024 (DARE). */
function randomPrune(tensor: Float32Array, density: number, seed: number, salt: string): Float32Array {
  if (density >= 1) return tensor
  const stream = random(seed, 'dare', salt)
  return tensor.map((value) => (stream.uniform() < density ? value / density : 0))
}

/** Weighted sum of the values that agree with the elected sign, over their number. Yadav et al. 2023 (TIES). */
const electSign: Merge = (tensors, weights, { majority_sign_method = 'total' }) =>
  (tensors[0] as Float32Array).map((_, i) => {
    const values = tensors.map((tensor) => tensor[i] as number)
    const vote = values.reduce((sum, value) => sum + (majority_sign_method === 'total' ? value : Math.sign(value)), 0)
    const agreeing = values.map((value) => Math.sign(value) === (vote >= 0 ? 1 : -1))
    const sum = values.reduce((total, value, k) => total + (agreeing[k] ? (weights[k] as number) * value : 0), 0)
    return sum / Math.max(1, agreeing.filter(Boolean).length)
  })

const merges: Readonly<Record<Exclude<CombinationType, 'cat' | 'svd'>, Merge>> = {
  linear: weightedSum,
  magnitude_prune: (tensors, weights, options) =>
    weightedSum(
      tensors.map((tensor) => magnitudePrune(tensor, options.density ?? 1)),
      weights,
      options,
    ),
  ties: (tensors, weights, options) =>
    electSign(
      tensors.map((tensor) => magnitudePrune(tensor, options.density ?? 1)),
      weights,
      options,
    ),
  dare_linear: (tensors, weights, options) =>
    weightedSum(
      tensors.map((tensor, k) => randomPrune(tensor, options.density ?? 1, options.seed ?? 0, `${options.salt} ${k}`)),
      weights,
      options,
    ),
  dare_ties: (tensors, weights, options) =>
    electSign(
      tensors.map((tensor, k) => randomPrune(tensor, options.density ?? 1, options.seed ?? 0, `${options.salt} ${k}`)),
      weights,
      options,
    ),
}

/**
 * Combines the matrices of one module.
 * @param options `salt`: distinguishes the module in the random choices of dare.
 * @throws {AdapterError} when the ranks differ, except for `cat` and `svd`.
 */
export function combineMatrices(
  parts: readonly Part[],
  type: CombinationType,
  options: CombineOptions & { salt: string },
): { A: Tensor; B: Tensor } {
  const [{ A: firstA, B: firstB }] = parts as [Part]
  const [inputs, outputs] = [firstA.dims[1] as number, firstB.dims[0] as number]
  const matrices = parts.map(({ A, B }) => ({
    A: matrixOf(toFloat32(A), A.dims[0] as number, inputs),
    B: matrixOf(toFloat32(B), outputs, B.dims[1] as number),
  }))
  const factors = parts.map(({ weight, scaling }) => weight * scaling)
  if (type === 'cat') {
    const A = stack(matrices.map((part, k) => scale(part.A, factors[k] as number)))
    const B = beside(matrices.map((part) => part.B))
    return { A: float32([A.rows, inputs], arrayOf(A)), B: float32([outputs, B.columns], arrayOf(B)) }
  }
  if (type === 'svd') {
    const delta = matrices.map((part, k) => scale(multiply(part.B, part.A), factors[k] as number)).reduce(add)
    const rank = Math.min(options.svd_rank ?? Math.max(...parts.map(({ A }) => A.dims[0] as number)), inputs, outputs)
    const { U, S, V } = truncatedSvd(delta, rank, { seed: options.seed ?? 0 })
    return { A: float32([rank, inputs], arrayOf(V)), B: float32([outputs, rank], arrayOf(scaleColumns(U, S))) }
  }
  const differing = parts.find(({ A }) => A.dims.join() !== firstA.dims.join())
  if (differing)
    throw new AdapterError({
      where: `module "${options.salt}"`,
      what: 'the ranks differ',
      expected: String(firstA.dims[0]),
      found: String(differing.A.dims[0]),
      fix: "Use combination_type 'cat' or 'svd'.",
    })
  // A and B each get the square root of the factor; A gets its sign.
  const roots = factors.map((factor) => Math.sqrt(Math.abs(factor)))
  const signed = roots.map((root, k) => root * ((factors[k] as number) >= 0 ? 1 : -1))
  const merge = merges[type]
  const A = merge(
    parts.map((part) => toFloat32(part.A)),
    signed,
    { ...options, salt: `${options.salt} A` },
  )
  const B = merge(
    parts.map((part) => toFloat32(part.B)),
    roots,
    { ...options, salt: `${options.salt} B` },
  )
  return { A: float32(firstA.dims, A), B: float32(firstB.dims, B) }
}
