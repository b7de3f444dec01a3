// Loads an adapter into a model. Every tensor of the file must have a parameter in the model, and every parameter of
// the adapter a tensor in the file; errors list the others.

import { checkValue } from '@cola/graph/options'
import { asFloat32, cloneGraph, float32, type Tensor, toFloat32 } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { checkHead } from '../inject/head.ts'
import { otherStart } from '../inject/start-tokens.ts'
import type { AdaptedModel, HeadedModel } from '../inject/adapted-model.ts'
import { requireModel } from '../inject/require-model.ts'
import { inject } from '../inject/with-adapter.ts'
import type { PeftType } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import type { Adapter } from './files.ts'
import { isAdapter } from './is-adapter.ts'
import { missingParameters, mismatchedShapes, unplacedTensors } from './misfits.ts'
import { fileNames, omittedIn, type Place, placesIn, savedParameters } from './names.ts'
import { withZeroBiases } from './zero-biases.ts'

/**
 * Loads an adapter into a copy of a base model. Adapters that PEFT trained on the bare model (AutoModel) fit too, and
 * are written back under the bare model's names.
 * @throws {AdapterError} naming the tensors: the adapter belongs to another model, or its head is missing, has another
 * name or other classes, or it was trained with other tokens before texts; {ConfigError} for what is no model or no
 * adapter.
 */
export function loadAdapter<M extends PeftType>(base: HeadedModel, adapter: Adapter<M>): AdaptedModel<M> {
  requireModel('loadAdapter', base)
  checkValue('loadAdapter, adapter', adapter, isAdapter)
  const model = withZeroBiases(base, [adapter])
  checkHead(model.head, adapter.head)
  requireRanks(adapter)
  const omitted = omittedIn(adapter.tensors.keys(), model.graph)
  const injected = inject<M>(model, adapter.config, { omitted, loading: true })
  const placed = placedTensors(injected, adapter)
  // After the tensors: an adapter of another model begins its texts otherwise, too.
  const other = otherStart(model, adapter.start_token_ids)
  if (other) throw other
  const names = fileNames(injected)
  const writtenNames = new Set([...savedParameters(injected)].flatMap(names))
  const [graph, plain] = [cloneGraph(injected.graph), cloneGraph(injected.base)]
  for (const { parameter, original, value } of placed) {
    if (!original) graph.initializers.set(parameter, value)
    if (original || (plain.initializers.has(parameter) && !injected.trainable.has(parameter)))
      plain.initializers.set(parameter, value)
  }
  return {
    ...injected,
    graph,
    base: plain,
    held: new Map(placed.filter(({ file }) => !writtenNames.has(file)).map(({ file, parameter }) => [file, parameter])),
    ...(adapter.head ? { head: { ...model.head, ...adapter.head } } : {}),
  }
}

/** @throws {AdapterError} for a rank that no tensor has, before matrices of that size are made. */
function requireRanks({ config, tensors }: Adapter): void {
  let longest = 0
  for (const { dims } of tensors.values()) longest = Math.max(longest, ...dims)
  const { r, rank_pattern = {} } = config as { r?: number; rank_pattern?: Readonly<Record<string, number>> }
  for (const [field, rank] of Object.entries({ r, ...rank_pattern }))
    if (rank !== undefined && rank > longest)
      throw new AdapterError({
        where: `adapter configuration, field "${field === 'r' ? 'r' : `rank_pattern.${field}`}"`,
        what: 'a rank that no tensor of the adapter has',
        expected: `at most ${longest}`,
        found: String(rank),
      })
}

interface Placed extends Place {
  file: string
  value: Tensor
}

/** The first rows and columns of a matrix: PEFT's shared matrices may be larger than an adapter needs. */
function crop(matrix: Tensor, dims: readonly number[]): Tensor {
  const [rows = 0, columns = 0] = dims
  const [height = 0, width = 0] = matrix.dims
  if (matrix.dims.length !== 2 || (height === rows && width === columns) || height < rows || width < columns)
    return matrix
  const values = toFloat32(matrix)
  return float32(
    dims,
    Float32Array.from(
      { length: rows * columns },
      (_, i) => values[Math.floor(i / columns) * width + (i % columns)] as number,
    ),
  )
}

/** The tensors of the file with their parameters in the model, converted to float32. */
function placedTensors(model: AdaptedModel, { tensors }: Adapter): Placed[] {
  const placeOf = placesIn(model)
  const entries = [...tensors].map(([file, value]) => ({ file, value, place: placeOf(file) }))
  const unplaced = entries.filter(({ place }) => place === undefined)
  const held = new Set(entries.map(({ place }) => place?.parameter))
  const missing = savedParameters(model).filter((name) => !held.has(name))
  if (unplaced.length > 0) throw new AdapterError(unplacedTensors(model, unplaced, missing))
  const { shared } = methodOf(model.config)
  const placed = entries.map(({ file, value, place }) => {
    const { parameter, original } = place as Place
    const { dims } = model.graph.initializers.get(parameter) as Tensor
    return { file, parameter, original, value: shared.names.has(parameter) ? crop(value, dims) : value }
  })
  const misshaped = placed.filter(
    ({ parameter, value }) => model.graph.initializers.get(parameter)?.dims.join() !== value.dims.join(),
  )
  if (misshaped.length > 0) throw new AdapterError(mismatchedShapes(model, misshaped))
  if (missing.length > 0) throw new AdapterError(missingParameters(model, missing))
  requireEqualDuplicates(placed)
  return placed.map((entry) => ({ ...entry, value: asFloat32(entry.value) }))
}

/** @throws {AdapterError} for two tensors of one parameter that differ. */
function requireEqualDuplicates(placed: readonly Placed[]): void {
  const seen = new Map<string, Placed>()
  for (const entry of placed) {
    const key = `${entry.original} ${entry.parameter}`
    const first = seen.get(key)
    if (first && !sameValues(first.value, entry.value))
      throw new AdapterError({
        where: `adapter tensor "${entry.file}"`,
        what: `another value than "${first.file}" has, which is the same parameter`,
        fix: [first, entry].some(({ file }) => file.includes('.modules_to_save.'))
          ? 'modules_to_save named a module and one in it, which PEFT cannot load either: ' +
            'name one of the two, and train again.'
          : 'They were two matrices when they were saved: ' +
            'export the base with tie_word_embeddings as it was in training.',
      })
    seen.set(key, entry)
  }
}

/** Whether two tensors hold the same numbers. */
export function sameValues(a: Tensor, b: Tensor): boolean {
  const [x, y] = [toFloat32(a), toFloat32(b)]
  return x.length === y.length && x.every((value, i) => value === y[i])
}
