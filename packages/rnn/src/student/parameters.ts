// The student's parameters under PyTorch's names and with PyTorch's first values: embedding, rnn, classifier.

import { requireKind } from '@cola/graph/door'
import { checkOptions, integer } from '@cola/graph/options'
import { random } from '@cola/data'
import { dataTypes, elementCount, float32, type Tensor, toFloat32 } from '@cola/graph'
import { WeightsError } from '@cola/train'
import { cells } from './cells.ts'
import { type DistilRnnConfig, directions } from './config.ts'

export const embeddingWeight = 'embedding.weight'

/** Parameters with this embedding, in place of the one that they have. */
export const withEmbedding = (
  embedding: Tensor,
  parameters: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> => new Map([[embeddingWeight, embedding], ...parameters]).set(embeddingWeight, embedding)

/** Suffix of the parameters of a layer and direction: `l0`, `l0_reverse`. */
export const suffix = (layer: number, direction: number): string => `l${layer}${direction === 1 ? '_reverse' : ''}`

/** Shape of every parameter but the embedding, by name. */
export const distilRnnShapes = (config: DistilRnnConfig): Map<string, number[]> => {
  requireKind('distilRnnShapes, config', config, 'object')
  return new Map(shapesOf(config))
}

/** The shapes one after the other: what reads a file ends at the first parameter that it lacks. */
function* shapesOf(config: DistilRnnConfig): Generator<[string, number[]]> {
  const { embedding_size, hidden_size, num_layers, num_labels, cell } = config
  const rows = cells[cell].gates * hidden_size
  for (let layer = 0; layer < num_layers; layer++) {
    for (let direction = 0; direction < directions(config); direction++) {
      const name = suffix(layer, direction)
      yield [`rnn.weight_ih_${name}`, [rows, layer === 0 ? embedding_size : directions(config) * hidden_size]]
      yield [`rnn.weight_hh_${name}`, [rows, hidden_size]]
      yield [`rnn.bias_ih_${name}`, [rows]]
      yield [`rnn.bias_hh_${name}`, [rows]]
    }
  }
  yield ['classifier.weight', [num_labels, directions(config) * hidden_size]]
  yield ['classifier.bias', [num_labels]]
}

/**
 * PyTorch's first values, U(-1/sqrt(hidden), 1/sqrt(hidden)) for the recurrence and U(-1/sqrt(in), 1/sqrt(in)) for the
 * head.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function randomDistilRnn(config: DistilRnnConfig, options: { seed?: number } = {}): ReadonlyMap<string, Tensor> {
  checkOptions('randomDistilRnn', options, { seed: integer })
  requireKind('randomDistilRnn, config', config, 'object')
  const { seed = 0 } = options
  return new Map(
    [...distilRnnShapes(config)].map(([name, dims]) => {
      const bound =
        1 / Math.sqrt(name.startsWith('rnn.') ? config.hidden_size : directions(config) * config.hidden_size)
      const stream = random(seed, 'distil-rnn', name)
      return [
        name,
        float32(
          dims,
          Float32Array.from({ length: elementCount(dims) }, () => (2 * stream.uniform() - 1) * bound),
        ),
      ]
    }),
  )
}

/**
 * The parameters of a checkpoint, without the embedding.
 * @throws {WeightsError} naming the tensor that is missing, has another shape, holds NaN or Infinity, or is of a
 * recurrence that the configuration does not have.
 */
export function distilRnnParameters(
  tensors: ReadonlyMap<string, Tensor>,
  config: DistilRnnConfig,
  where = 'checkpoint',
): ReadonlyMap<string, Tensor> {
  requireKind('distilRnnParameters, tensors', tensors, 'map')
  const parameters = new Map<string, Tensor>()
  for (const [name, dims] of shapesOf(config))
    parameters.set(name, float32(dims, toFloat32(checked(tensors, name, dims, where))))
  const further = [...tensors.keys()].find((name) => name.startsWith('rnn.') && !parameters.has(name))
  if (further === undefined) return parameters
  throw new WeightsError({
    where: `${where}, tensor "${further}"`,
    what: 'the configuration has no such parameter',
    expected: `num_layers ${config.num_layers}, ${directions(config)} directions`,
  })
}

/**
 * Whole parameters that fit a configuration.
 * @throws {WeightsError} naming the first that is missing, has another shape or holds no floats.
 */
export function requireWhole(
  parameters: ReadonlyMap<string, Tensor>,
  config: DistilRnnConfig,
  where: string,
  fix: string,
): void {
  const embedding = [embeddingWeight, [config.vocab_size, config.embedding_size]] as const
  for (const [name, dims] of [embedding, ...shapesOf(config)]) fitting(parameters, name, dims, where, fix)
}

/** A tensor of the shape. @throws {WeightsError} when it is missing, has another one, or holds no floats. */
function fitting(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
  dims: readonly number[],
  where: string,
  fix?: string,
): Tensor {
  const found = tensors.get(name)
  if (found?.dims.join() !== dims.join())
    throw new WeightsError({
      where: `${where}, tensor "${name}"`,
      what: found ? 'its shape contradicts the configuration' : 'missing',
      expected: `[${dims}]`,
      found: found ? `[${found.dims}]` : `${tensors.size} tensors`,
      fix,
    })
  if (!dataTypes[found.dtype].float)
    throw new WeightsError({
      where: `${where}, tensor "${name}"`,
      what: 'not floating point',
      expected: 'F32, F16, BF16 or F64',
      found: found.dtype,
    })
  return found
}

/**
 * A tensor of a checkpoint.
 * @throws {WeightsError} when it is missing, has another shape, holds no floats, or NaN or Infinity.
 */
export function checked(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
  dims: readonly number[],
  where: string,
): Tensor {
  const found = fitting(tensors, name, dims, where)
  const values = toFloat32(found)
  const at = values.findIndex((value) => !Number.isFinite(value))
  if (at >= 0)
    throw new WeightsError({
      where: `${where}, tensor "${name}"`,
      what: `element ${at} is not a finite number`,
      found: String(values[at]),
      fix: 'The training that wrote it had diverged.',
    })
  return found
}
