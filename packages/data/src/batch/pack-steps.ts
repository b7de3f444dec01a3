// Packs batches for recurrent networks like PyTorch's pack_padded_sequence: sentences by decreasing length, first all
// first tokens, then all second tokens, and so on. A time step runs on the sentences that still have a token, without
// padding.

import { checkOptions, requireOptions, whole } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { requireTokens } from './pack-sentences.ts'

interface Int32 {
  data: Int32Array
  dims: readonly number[]
}

interface Int64 {
  data: BigInt64Array
  dims: readonly number[]
}

/** Named arrays with shapes; structurally a Batch of @cola/train. Indices are those of the packed tokens. */
export interface StepBatch {
  [name: string]: Int32 | Int64
  /** [token] */
  input_ids: Int32
  /** `[step]`: number of sentences with a token at this step; 0 past the longest sentence. */
  batch_sizes: Int64
  /** `[2 * step]`: numbers of those sentences that continue, and that end, at this step. */
  step_splits: Int64
  /** `[token]`: index of each token if every sentence were reversed; its own inverse. */
  reverse_index: Int32
  /** `[batch]`: index of each sentence's last token, in the sentences' order. */
  last_token: Int32
  /**
   * `[batch, column]`: indices of each sentence's tokens, in the sentences' order; past its end, the number of tokens.
   */
  token_index: Int32
  /** `[batch]`: number of tokens of each sentence. */
  lengths: Int32
}

/** A graph has nodes for each step. */
const maxSteps = 2 ** 20

const checks = { max_length: whole(1, maxSteps) }

/**
 * Packs sentences time step by time step.
 * @param options `max_length`: number of time steps of the model, the length of the longest sentence.
 * @throws {DataError} for no sentences, an empty one, or one that is too long.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function packSteps(sentences: readonly (readonly number[])[], options: { max_length: number }): StepBatch {
  checkOptions('packSteps', options, checks)
  requireOptions('packSteps', options, checks, ['max_length'])
  const { max_length } = options
  requireTokens(sentences)
  const tooLong = sentences.findIndex(({ length }) => length > max_length)
  if (tooLong >= 0)
    throw new DataError({
      where: `sentence ${tooLong + 1} of the batch`,
      what: "longer than the model's steps",
      expected: `at most ${max_length} tokens`,
      found: String(lengthOf(sentences, tooLong)),
      fix: 'Encode with this max_length, or build the model with a larger one.',
    })
  const order = sentences.map((_, i) => i).sort((a, b) => lengthOf(sentences, b) - lengthOf(sentences, a) || a - b)
  const sizes = Array.from(
    { length: max_length + 1 },
    (_, step) => sentences.filter(({ length }) => length > step).length,
  )
  const starts = [0]
  for (const size of sizes) starts.push((starts.at(-1) as number) + size)
  const tokens = starts[max_length] as number
  const columns = lengthOf(sentences, order[0] as number)

  const [input_ids, reverse_index] = [new Int32Array(tokens), new Int32Array(tokens)]
  const token_index = new Int32Array(sentences.length * columns).fill(tokens)
  const last_token = new Int32Array(sentences.length)
  order.forEach((sentence, rank) => {
    const ids = sentences[sentence] as readonly number[]
    const tokenAt = (step: number) => (starts[step] as number) + rank
    ids.forEach((id, step) => {
      input_ids[tokenAt(step)] = id
      reverse_index[tokenAt(step)] = tokenAt(ids.length - 1 - step)
      token_index[sentence * columns + step] = tokenAt(step)
    })
    last_token[sentence] = tokenAt(ids.length - 1)
  })
  const splits = sizes
    .slice(0, -1)
    .flatMap((size, step) => [sizes[step + 1] as number, size - (sizes[step + 1] as number)])
  const vector = (data: Int32Array): Int32 => ({ data, dims: [data.length] })
  const int64 = (values: readonly number[]): Int64 => ({
    data: BigInt64Array.from(values, BigInt),
    dims: [values.length],
  })
  return {
    input_ids: vector(input_ids),
    batch_sizes: int64(sizes.slice(0, -1)),
    step_splits: int64(splits),
    reverse_index: vector(reverse_index),
    last_token: vector(last_token),
    token_index: { data: token_index, dims: [sentences.length, columns] },
    lengths: vector(Int32Array.from(sentences, ({ length }) => length)),
  }
}

const lengthOf = (sentences: readonly (readonly number[])[], i: number): number =>
  (sentences[i] as readonly number[]).length
