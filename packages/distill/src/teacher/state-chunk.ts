// The hidden states of some hundred texts as float16, with the sums that normalize them; in memory or in a safetensors
// file of which each text's part is read when it is needed.

import { type Files, placeOf } from '@cola/data'
import { elements, float32ToFloat16, FormatError, type Tensor, tensor } from '@cola/graph'
import { FeedError } from '@cola/train'
import { readSafetensorsHeader } from '@cola/train/files'
import type { TextStates } from './teacher.ts'

export interface StateChunk {
  readonly width: number
  /** [text]: number of tokens. */
  readonly lengths: Int32Array
  /** [token]: ids as the teacher read them, text by text. */
  readonly input_ids: Int32Array
  /** [width]: sums over all tokens of each number and of its square. */
  readonly sums: Float64Array
  readonly squares: Float64Array
  /** States of tokens `begin` to `end` (exclusive), as the bits of float16, [token, width]. */
  readonly halves: (begin: number, end: number) => Uint16Array
}

const greatestHalf = 65504

/**
 * Packs states.
 * @param where Names a text in errors, by its index.
 * @throws {FeedError} for states that are not one a token, or a number that float16 does not hold.
 */
export function stateChunk(found: readonly TextStates[], texts: number, where: (row: number) => string): StateChunk {
  if (found.length !== texts)
    throw new FeedError({
      where: where(0),
      what: 'not one list of hidden states a text',
      expected: String(texts),
      found: String(found.length),
    })
  const lengths = Int32Array.from(found, ({ input_ids }) => input_ids.length)
  const width = (found[0]?.states.length ?? 0) / (lengths[0] ?? 1)
  const tokens = lengths.reduce((sum, length) => sum + length, 0)
  const all = new Uint16Array(tokens * width)
  const [sums, squares] = [new Float64Array(width), new Float64Array(width)]
  let at = 0
  found.forEach(({ input_ids, states }, row) => {
    if (input_ids.length === 0 || !Number.isInteger(width) || width < 1 || states.length !== input_ids.length * width)
      throw new FeedError({
        where: where(row),
        what: 'not one hidden state a token',
        expected: `${input_ids.length} rows of one width`,
        found: `${states.length} numbers`,
      })
    states.forEach((value, i) => {
      if (!(Math.abs(value) <= greatestHalf)) refuse(where(row), value, Math.floor(i / width))
      sums[i % width] = (sums[i % width] as number) + value
      squares[i % width] = (squares[i % width] as number) + value * value
    })
    all.set(float32ToFloat16(states), at)
    at += states.length
  })
  return {
    width,
    lengths,
    input_ids: Int32Array.from(found.flatMap(({ input_ids }) => [...input_ids])),
    sums,
    squares,
    halves: (begin, end) => all.subarray(begin * width, end * width),
  }
}

function refuse(where: string, found: number, token: number): never {
  throw new FeedError({
    where: `${where}, token ${token + 1}`,
    what: 'a hidden state that float16 does not hold',
    expected: `finite numbers up to ${greatestHalf}`,
    found: String(found),
  })
}

/** The tensors of a chunk's file. */
export function stateTensors({ width, lengths, input_ids, sums, squares, halves }: StateChunk): Map<string, Tensor> {
  const tokens = input_ids.length
  return new Map([
    ['hidden_states', tensor('float16', [tokens, width], halves(0, tokens))],
    ['input_ids', tensor('int32', [tokens], input_ids)],
    ['lengths', tensor('int32', [lengths.length], lengths)],
    ['sums', tensor('float64', [width], sums)],
    ['squares', tensor('float64', [width], squares)],
  ])
}

/** A chunk whose states stay in the file. @throws {FormatError | DataError} naming the file. */
export function readStateChunk(files: Files, name: string): StateChunk {
  const { entries } = readSafetensorsHeader(files, name)
  const entry = (tensorName: string) => {
    const found = entries.find((one) => one.name === tensorName)
    if (!found) throw new FormatError({ where: placeOf(files, name), what: `no tensor "${tensorName}"` })
    return found
  }
  const read = (tensorName: string) => {
    const { dtype, dims, begin, end } = entry(tensorName)
    return elements({ dtype, dims, bytes: () => files.read(name, begin, end) })
  }
  const { begin: start, dims, dtype } = entry('hidden_states')
  const width = dims[1] as number
  return {
    width,
    lengths: read('lengths') as Int32Array,
    input_ids: read('input_ids') as Int32Array,
    sums: read('sums') as Float64Array,
    squares: read('squares') as Float64Array,
    halves: (begin, end) => {
      const bytes = () => files.read(name, start + 2 * width * begin, start + 2 * width * end)
      return elements({ dtype, dims: [end - begin, width], bytes }) as Uint16Array
    },
  }
}
