// Hidden states in units of the standard deviation of each number over all tokens: a few numbers of a language model
// are a hundred times as large as the others, and would be all that a mean square sees.

import { float16ToFloat32 } from '@cola/graph'
import type { HiddenStatesOfSplit } from './hidden-states.ts'
import type { StateChunk } from './state-chunk.ts'

/** The hidden states of a text. */
export interface StatesOfText {
  readonly width: number
  /** Ids of its tokens as the teacher read them. */
  readonly input_ids: Int32Array
  /** Writes the normalized states of the first tokens to `target` [tokens, width]. */
  readonly write: (target: Float32Array, tokens: number) => void
}

/** Numbers of each half, by its bits. */
let halfValues: Float32Array | undefined
const valuesOfHalves = (): Float32Array => {
  halfValues ??= float16ToFloat32(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits))
  return halfValues
}

/** The states of all splits' texts, split by split, normalized by mean and deviation over the tokens of all. */
export function normalizedStates(splits: readonly HiddenStatesOfSplit[]): StatesOfText[][] {
  const { mean, inverse } = momentsOf(splits.flatMap(({ chunks }) => chunks))
  return splits.map(({ chunks }) =>
    chunks.flatMap((chunk) => {
      let end = 0
      return Array.from(chunk.lengths, (length) => {
        const begin = end
        end += length
        return stateOf(chunk, begin, end, mean, inverse)
      })
    }),
  )
}

function stateOf(
  { width, input_ids, halves }: StateChunk,
  begin: number,
  end: number,
  mean: Float64Array,
  inverse: Float64Array,
): StatesOfText {
  return {
    width,
    input_ids: input_ids.subarray(begin, end),
    write: (target, tokens) => {
      const [values, bits] = [valuesOfHalves(), halves(begin, begin + tokens)]
      for (let first = 0; first < tokens * width; first += width)
        for (let k = 0; k < width; k++)
          target[first + k] =
            ((values[bits[first + k] as number] as number) - (mean[k] as number)) * (inverse[k] as number)
    },
  }
}

/** Mean of each number, and the inverse of its standard deviation; 0 where it never changes. */
function momentsOf(chunks: readonly StateChunk[]): { mean: Float64Array; inverse: Float64Array } {
  const tokens = chunks.reduce((sum, { input_ids }) => sum + input_ids.length, 0)
  const width = chunks[0]?.width ?? 0
  const total = (part: 'sums' | 'squares', k: number) =>
    chunks.reduce((sum, chunk) => sum + (chunk[part][k] as number), 0)
  const mean = Float64Array.from({ length: width }, (_, k) => total('sums', k) / tokens)
  const inverse = mean.map((m, k) => {
    const variance = total('squares', k) / tokens - m * m
    return variance > 1e-12 * (1 + m * m) ? 1 / Math.sqrt(variance) : 0
  })
  return { mean, inverse }
}
