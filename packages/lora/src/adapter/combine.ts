// Several adapters as one; PEFT's add_weighted_adapter, its names and its numbers.

import { random } from '@cola/data'
import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { unmatchedKeys } from '../inject/unmatched.ts'
import { arrayOf, Matrix, matrixOf, truncatedSvd } from '../linalg.ts'
import type { LoraConfigJson } from '../methods/lora.ts'
import { modulesIn, scaling } from '../methods/lora/matrices.ts'
import { adaptedModule, methodOf } from '../methods/methods.ts'
import { patternValue } from '../methods/patterns.ts'
import type { Adapter } from './files.ts'
import { sameValues } from './load.ts'

export type CombinationType = 'linear' | 'cat' | 'svd' | 'ties' | 'dare_linear' | 'dare_ties' | 'magnitude_prune'

export interface CombineOptions {
  /** @default 'linear' */
  combination_type?: CombinationType
  /** Share of the values that ties, dare and magnitude_prune keep, 0 to 1. @default 1 */
  density?: number
  /** How ties elects a sign: by the sum of the values or by their number. @default 'total' */
  majority_sign_method?: 'total' | 'frequency'
  /** Rank of svd's result. @default the greatest rank */
  svd_rank?: number
  /** Which adapter's head and other modules saved in full to keep, where several have them. @default none: an error */
  head?: number
  /** Of dare's random choice. @default 0 */
  seed?: number
}

export interface WeightedAdapter {
  adapter: Adapter
  /** May be negative. @default 1 */
  weight?: number
}

interface PlainAdapter extends WeightedAdapter {
  adapter: Adapter<'LORA'>
}

/** One adapter's part of a module. */
interface Part {
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

/** The values of greatest size. */
function magnitudePrune(tensor: Float32Array, density: number): Float32Array {
  if (density >= 1) return tensor
  const order = Array.from(tensor.keys()).sort(
    (a, b) => Math.abs(tensor[b] as number) - Math.abs(tensor[a] as number) || a - b,
  )
  const kept = new Float32Array(tensor.length)
  for (const i of order.slice(0, Math.floor(density * tensor.length))) kept[i] = tensor[i] as number
  return kept
}

/** Random values, grown so that the mean stays. Yu et al. 2024 (DARE). */
function randomPrune(tensor: Float32Array, density: number, seed: number, salt: string): Float32Array {
  if (density >= 1) return tensor
  const stream = random(seed, 'dare', salt)
  return tensor.map((value) => (stream.uniform() < density ? value / density : 0))
}

/** Values that agree with the elected sign, weighted, over how many there are. Yadav et al. 2023 (TIES). */
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
 * Combines adapters of one base model.
 * `cat` adds what they add, exactly, at the sum of their ranks; `svd` the nearest to that of a given rank; the others
 * work on A and B apart
 * and need equal ranks.
 * @throws {AdapterError} for no adapters, variants other than plain LoRA, ranks that differ, clashing heads.
 */
export function combineAdapters(adapters: readonly WeightedAdapter[], options: CombineOptions = {}): Adapter<'LORA'> {
  const { combination_type = 'linear', head } = options
  if (adapters.length === 0)
    throw new AdapterError({ where: 'combineAdapters', what: 'no adapters', expected: 'at least one' })
  const list = adapters.map(plain)
  const tensors = savedTensors(list, head)
  const modules = modulesOf(list)
  const ranks: number[] = []
  for (const { module, names } of modules) {
    const parts = partsOf(list, module, names)
    const { A, B } = combineParts(parts, combination_type, { ...options, salt: module })
    tensors.set(`${module}.${names[0]}`, A)
    tensors.set(`${module}.${names[1]}`, B)
    ranks.push(A.dims[0] as number)
  }
  const rank = ranks.reduce((a, b) => Math.max(a, b), 0)
  const pattern = Object.fromEntries(
    modules
      .map(
        ({ module }, i) =>
          [module.replace(/^base_model\.model\./, '').replaceAll('.', '\\.'), ranks[i] as number] as const,
      )
      .filter(([, own]) => own !== rank),
  )
  const names = modules.map(({ module }) => module.replace(/^base_model\.model\./, ''))
  const warnings = list.flatMap(({ adapter }, i) =>
    unmatchedKeys(adapter.config, names).map((warning) => `adapter ${i}: ${warning}`),
  )
  const trainedHead = list[head ?? list.findIndex(({ adapter }) => adapter.head !== undefined)]?.adapter.head
  return { config: configOf(list, rank, pattern), tensors, warnings, ...(trainedHead ? { head: trainedHead } : {}) }
}

/** @throws {AdapterError} for an adapter that is more than sums of products. */
function plain({ adapter, ...rest }: WeightedAdapter): PlainAdapter {
  const { config } = adapter
  const reason = methodOf(config).uncombinable(config)
  if (reason !== undefined || config.peft_type !== 'LORA')
    throw new AdapterError({
      where: 'combineAdapters',
      what: reason ?? 'cannot be combined',
      expected: 'LoRA, no DoRA, no biases and no trained tokens',
      fix: 'Merge it into the base first; one of PiSSA or OLoRA becomes plain when it is loaded and written again.',
    })
  return { ...rest, adapter: { ...adapter, config } }
}

const modulesOf = (list: readonly PlainAdapter[]) =>
  modulesIn(list.flatMap(({ adapter }) => [...adapter.tensors.keys()]))

function partsOf(list: readonly PlainAdapter[], module: string, [nameA, nameB]: readonly [string, string]): Part[] {
  return list.flatMap(({ adapter: { tensors, config }, weight = 1 }) => {
    const [A, B] = [nameA, nameB].map((name) => tensors.get(`${module}.${name}`))
    if (!A || !B) return []
    const name = module.replace(/^base_model\.model\./, '')
    const alpha = patternValue(config.alpha_pattern, name, config.lora_alpha)
    return [{ A, B, weight, scaling: scaling(alpha, A.dims[0] as number, config.use_rslora) }]
  })
}

function combineParts(
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
    const A = new Matrix(
      matrices.flatMap((part, k) =>
        part.A.clone()
          .mul(factors[k] as number)
          .to2DArray(),
      ),
    )
    const B = new Matrix(Array.from({ length: outputs }, (_, row) => matrices.flatMap((part) => part.B.getRow(row))))
    return { A: float32([A.rows, inputs], arrayOf(A)), B: float32([outputs, B.columns], arrayOf(B)) }
  }
  if (type === 'svd') {
    const delta = matrices
      .map((part, k) => part.B.mmul(part.A).mul(factors[k] as number))
      .reduce((sum, next) => Matrix.add(sum, next))
    const rank = Math.min(options.svd_rank ?? Math.max(...parts.map(({ A }) => A.dims[0] as number)), inputs, outputs)
    const { U, S, V } = truncatedSvd(delta, rank, { seed: options.seed ?? 0 })
    return { A: float32([rank, inputs], arrayOf(V)), B: float32([outputs, rank], arrayOf(U.mulRowVector(S))) }
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
  // The square root of each factor on either side; its sign on one.
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

/**
 * What adapters saved in full is no sum, so nothing weighs it: what one adapter has is kept, and of what several have,
 * one's is chosen.
 * PEFT's add_weighted_adapter refuses the latter, and leaves out the former.
 */
function savedTensors(list: readonly PlainAdapter[], head: number | undefined): Map<string, Tensor> {
  const owners = new Map<string, { value: Tensor; places: number[] }>()
  list.forEach(({ adapter }, place) => {
    for (const [name, value] of adapter.tensors) {
      if (adaptedModule(name) !== undefined) continue
      const known = owners.get(name)
      if (!known) owners.set(name, { value, places: [place] })
      else if (place === head) owners.set(name, { value, places: [head] })
      else if (!known.places.includes(head ?? -1) && !isSameBase(name, known.value, value)) known.places.push(place)
    }
  })
  const disputed = [...owners].filter(([, { places }]) => places.length > 1)
  if (disputed.length > 0)
    throw new AdapterError({
      where: 'combineAdapters',
      what: 'several adapters have a head or other modules saved in full',
      found: disputed.map(([name, { places }]) => `${name} in adapters ${places.join(', ')}`).join('; '),
      fix: 'Say whose to keep with the option head.',
    })
  return new Map([...owners].map(([name, { value }]) => [name, value]))
}

/** Whether both files hold the base's own matrix, which PEFT saves of an embedding that is a target. */
const isSameBase = (name: string, a: Tensor, b: Tensor): boolean =>
  name.endsWith('.base_layer.weight') && sameValues(a, b)

function configOf(list: readonly PlainAdapter[], rank: number, rank_pattern: Record<string, number>): LoraConfigJson {
  const configs = list.map(({ adapter }) => adapter.config)
  const names = configs.flatMap(({ target_modules }) => target_modules ?? [])
  const saved = configs.flatMap(({ modules_to_save }) => modules_to_save ?? [])
  const regex = configs.find(({ target_modules }) => typeof target_modules === 'string')
  // Every module has its own scaling in its matrices: alpha = r for each.
  return {
    ...(configs[0] as LoraConfigJson),
    r: rank,
    lora_alpha: rank,
    rank_pattern,
    alpha_pattern: rank_pattern,
    use_rslora: false,
    init_lora_weights: true,
    modules_to_save: saved.length > 0 ? [...new Set(saved)] : null,
    target_modules: regex
      ? modulesOf(list).map(({ module }) => module.replace(/^base_model\.model\./, ''))
      : [...new Set(names)],
  }
}
