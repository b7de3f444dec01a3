// Batches for recurrent networks, as PyTorch's pack_padded_sequence lays them out: sentences by decreasing length,
// their first tokens, then their second tokens, and so on. A time step runs on the sentences that still have a token,
// so a batch costs what its tokens cost.

import { DataError } from '../errors.ts'
import { requireTokens } from './pack.ts'

interface Int32 {
  data: Int32Array
  dims: readonly number[]
}

interface Int64 {
  data: BigInt64Array
  dims: readonly number[]
}

/** Named arrays with shapes; fits @cola/train's Batch by structure. Indices point into the packed tokens. */
export interface StepBatch {
  [name: string]: Int32 | Int64
  /** [token] */
  input_ids: Int32
  /** [step]: how many sentences have a token at this step; 0 past the longest. */
  batch_sizes: Int64
  /** [2 * step]: of those, how many go on to the next step and how many end here. */
  step_splits: Int64
  /** [token]: where each token would lie if every sentence were reversed. Its own inverse. */
  reverse_index: Int32
  /** [batch]: last token of each sentence, in the order given. */
  last_token: Int32
  /** [batch, column]: tokens of each sentence in the order given; the number of tokens where a sentence has ended. */
  token_index: Int32
  /** [batch]: tokens of each sentence. */
  lengths: Int32
}

/**
 * Packs sentences time step by time step.
 * @param max_length Steps of the model; no sentence may be longer.
 * @throws {DataError} for no sentences, an empty one, or one that is too long.
 */
export function packSteps(
  sentences: readonly (readonly number[])[],
  { max_length }: { max_length: number },
): StepBatch {
  requireTokens(sentences)
  const long = sentences.findIndex(({ length }) => length > max_length)
  if (long >= 0)
    throw new DataError({
      where: `sentence ${long + 1} of the batch`,
      what: "longer than the model's steps",
      expected: `at most ${max_length} tokens`,
      found: String(lengthOf(sentences, long)),
      fix: 'Encode with this max_length, or build the model with a larger one.',
    })
  const order = sentences.map((_, i) => i).sort((a, b) => lengthOf(sentences, b) - lengthOf(sentences, a) || a - b)
  const sizes = Array.from(
    { length: max_length + 1 },
    (_, step) => sentences.filter(({ length }) => length > step).length,
  )
  const starts = sizes.map((_, step) => sizes.slice(0, step).reduce((a, b) => a + b, 0))
  const tokens = starts[max_length] as number
  const columns = lengthOf(sentences, order[0] as number)

  const [input_ids, reverse_index] = [new Int32Array(tokens), new Int32Array(tokens)]
  const token_index = new Int32Array(sentences.length * columns).fill(tokens)
  const last_token = new Int32Array(sentences.length)
  order.forEach((sentence, rank) => {
    const ids = sentences[sentence] as readonly number[]
    const place = (step: number) => (starts[step] as number) + rank
    ids.forEach((id, step) => {
      input_ids[place(step)] = id
      reverse_index[place(step)] = place(ids.length - 1 - step)
      token_index[sentence * columns + step] = place(step)
    })
    last_token[sentence] = place(ids.length - 1)
  })
  const splits = sizes
    .slice(0, -1)
    .flatMap((size, step) => [sizes[step + 1] as number, size - (sizes[step + 1] as number)])
  const list = (data: Int32Array): Int32 => ({ data, dims: [data.length] })
  const int64 = (values: readonly number[]): Int64 => ({
    data: BigInt64Array.from(values, BigInt),
    dims: [values.length],
  })
  return {
    input_ids: list(input_ids),
    batch_sizes: int64(sizes.slice(0, -1)),
    step_splits: int64(splits),
    reverse_index: list(reverse_index),
    last_token: list(last_token),
    token_index: { data: token_index, dims: [sentences.length, columns] },
    lengths: list(Int32Array.from(sentences, ({ length }) => length)),
  }
}

const lengthOf = (sentences: readonly (readonly number[])[], i: number): number =>
  (sentences[i] as readonly number[]).length
