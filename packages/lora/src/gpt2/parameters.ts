// GPT-2's parameters: transformers' names and shapes, random initial values, and the values of a checkpoint.

import { requireKind } from '@cola/graph/door'
import { checkOptions, integer, oneOf, text } from '@cola/graph/options'
import { random } from '@cola/data'
import { asFloat32, dataTypes, elementCount, float32, type Tensor } from '@cola/graph'
import { WeightsError } from '../errors.ts'
import { type Gpt2Config, labelCount } from './config.ts'

export const gpt2Heads = ['classification', 'language-model', 'none'] as const

/** Head of the model; `none`: its hidden states are the output. */
export type Gpt2Head = (typeof gpt2Heads)[number]

/** Shape of every parameter by name. Conv1D matrices are [in, out]. */
export const gpt2Shapes = (config: Gpt2Config, head: Gpt2Head): Map<string, number[]> => {
  requireKind('gpt2Shapes, config', config, 'object')
  return new Map(shapesOf(config, head))
}

/** The shapes one after the other: what reads a file ends at the first parameter that it lacks. */
function* shapesOf(config: Gpt2Config, head: Gpt2Head): Generator<[string, number[]]> {
  const { n_embd: d, n_layer, vocab_size, n_positions } = config
  const inner = config.n_inner ?? 4 * d
  const norm = (name: string): [string, number[]][] => [
    [`${name}.weight`, [d]],
    [`${name}.bias`, [d]],
  ]
  const conv = (name: string, rows: number, columns: number): [string, number[]][] => [
    [`${name}.weight`, [rows, columns]],
    [`${name}.bias`, [columns]],
  ]
  yield ['transformer.wte.weight', [vocab_size, d]]
  yield ['transformer.wpe.weight', [n_positions, d]]
  for (let i = 0; i < n_layer; i++) {
    const block = `transformer.h.${i}`
    yield* norm(`${block}.ln_1`)
    yield* conv(`${block}.attn.c_attn`, d, 3 * d)
    yield* conv(`${block}.attn.c_proj`, d, d)
    yield* norm(`${block}.ln_2`)
    yield* conv(`${block}.mlp.c_fc`, d, inner)
    yield* conv(`${block}.mlp.c_proj`, inner, d)
  }
  yield* norm('transformer.ln_f')
  if (head === 'classification') yield ['score.weight', [labelCount(config), d]]
}

/**
 * A parameter's initial value: N(0, initializer_range), residual projections scaled by 1/sqrt(2 n_layer), norms 1 and
 * 0.
 */
function initialParameter(name: string, dims: readonly number[], config: Gpt2Config, seed: number): Tensor {
  const size = elementCount(dims)
  if (/ln_(1|2|f)\.weight$/.test(name)) return float32(dims, new Float32Array(size).fill(1))
  if (name.endsWith('.bias')) return float32(dims, new Float32Array(size))
  const deviation = config.initializer_range * (name.endsWith('c_proj.weight') ? 1 / Math.sqrt(2 * config.n_layer) : 1)
  return float32(dims, normals(size, deviation, seed, name))
}

/**
 * Approximately normal numbers: the sum of four 16-bit uniforms (Irwin-Hall) from two calls of a xorshift32 generator.
 * A hundred million take a few seconds, and initial weights need no better approximation.
 */
function normals(size: number, deviation: number, seed: number, name: string): Float32Array {
  const bytes = random(seed, 'init', name)
  let state = bytes.integer(0x7fffffff) | 1
  const values = new Float32Array(size)
  const factor = deviation / (65536 * Math.sqrt(4 / 12))
  for (let i = 0; i < size; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const first = state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    values[i] = ((first & 0xffff) + (first >>> 16) + (state & 0xffff) + (state >>> 16) - 131070) * factor
  }
  return values
}

/**
 * Random weights of a configuration; the same seed gives the same weights. They are computed when their bytes are read
 * and take no memory before.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function randomGpt2(
  config: Gpt2Config,
  options: { seed?: number; head?: Gpt2Head } = {},
): ReadonlyMap<string, Tensor> {
  checkOptions('randomGpt2', options, { seed: integer, head: oneOf(gpt2Heads) })
  requireKind('randomGpt2, config', config, 'object')
  const { seed = 0, head = 'classification' } = options
  return new Map(
    [...gpt2Shapes(config, head)].map(([name, dims]) => [
      name,
      { dtype: 'float32', dims, bytes: () => initialParameter(name, dims, config, seed).bytes() },
    ]),
  )
}

/** Causal-mask buffers, which old checkpoints contain. */
const isBuffer = (name: string): boolean => /\.attn\.(masked_)?bias$/.test(name)

/**
 * The model's parameters from a checkpoint's tensors: names with or without `transformer.`, mask buffers skipped,
 * float16, bfloat16 and float64 converted to float32, a missing classification head initialized from `seed`.
 * @throws {WeightsError} naming the tensor: missing, of another shape, or not floating point.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function gpt2Parameters(
  tensors: ReadonlyMap<string, Tensor>,
  config: Gpt2Config,
  options: { head?: Gpt2Head; seed?: number; where?: string } = {},
): ReadonlyMap<string, Tensor> {
  checkOptions('gpt2Parameters', options, { head: oneOf(gpt2Heads), seed: integer, where: text })
  requireKind('gpt2Parameters, tensors', tensors, 'map')
  const { head = 'classification', seed = 0, where = 'checkpoint' } = options
  const named = new Map(
    [...tensors]
      .filter(([name]) => !isBuffer(name))
      .map(([name, value]) => [/^(transformer\.|score\.|lm_head\.)/.test(name) ? name : `transformer.${name}`, value]),
  )
  const further = [...named.keys()].find((name) => Number(/^transformer\.h\.(\d+)\./.exec(name)?.[1]) >= config.n_layer)
  if (further)
    throw new WeightsError({
      where: `${where}, tensor "${further}"`,
      what: 'of a layer that config.json does not have',
      expected: `n_layer ${config.n_layer}`,
    })
  const parameters = new Map<string, Tensor>()
  for (const [name, dims] of shapesOf(config, head)) {
    const found = named.get(name)
    if (!found && name === 'score.weight') {
      parameters.set(name, initialParameter(name, dims, config, seed))
      continue
    }
    if (!found)
      throw new WeightsError({
        where: `${where}, tensor "${name}"`,
        what: 'missing',
        expected: `[${dims}]`,
        found: `${named.size} tensors`,
        fix: 'Is it a GPT-2 checkpoint, and is config.json its own?',
      })
    if (found.dims.join() !== dims.join())
      throw new WeightsError({
        where: `${where}, tensor "${name}"`,
        what: 'its shape contradicts config.json',
        expected: `[${dims}]`,
        found: `[${found.dims}]`,
      })
    parameters.set(name, asFloats(name, found, where))
  }
  return parameters
}

/** Converts other floating-point types to float32 when their bytes are read. */
function asFloats(name: string, value: Tensor, where: string): Tensor {
  if (!dataTypes[value.dtype].float)
    throw new WeightsError({
      where: `${where}, tensor "${name}"`,
      what: 'not floating point',
      expected: 'F32, F16, BF16 or F64',
      found: value.dtype,
    })
  return asFloat32(value)
}
