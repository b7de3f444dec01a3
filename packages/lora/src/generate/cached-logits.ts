// Computes each token of a batch of texts once: keys and values of earlier tokens are in the cache.

import { elementCount, type Graph, getValue, statesOf } from '@cola/graph'
import { type OrtSession, OrtTensor, type OrtTensors } from '@cola/train'
import type { NextTokenModel } from './generate-tokens.ts'
import { integerTensor } from './integer-tensor.ts'

/** A decoder's session, and the names in its graph. */
export interface CachedDecoder {
  readonly graph: Graph
  readonly session: Pick<OrtSession, 'run'>
  /** The output of the cache by its input: `past_key_values.0.key` to `present.0.key`. */
  readonly presents: ReadonlyMap<string, string>
  /** The input with the index of each text's last token among all tokens of the batch, [batch]. */
  readonly lastToken: string
  /** Output [batch, vocab_size]. */
  readonly logits: string
  /**
   * Whether the attention drops the padding of the cache itself: a new key then follows the text's last, and prompts are
   * padded on the right. Others are padded on the left, as transformers does: the texts end together, so that positions
   * and windows that are counted in slots of the cache are those of each text alone.
   */
  readonly compact: boolean
  /** The input with the number of new tokens of each text, [batch], of a decoder whose convolutions have states. */
  readonly newTokens: string | undefined
}

/** A token or padding in a slot of the batch or of the cache. */
interface Slot {
  readonly id: number
  readonly real: 0 | 1
  readonly position: number
}

const padding: Slot = { id: 0, real: 0, position: 0 }

/** What one call feeds: the slots of new tokens, of the cache, and the mask over both. */
interface Feed {
  readonly added: readonly (readonly Slot[])[]
  readonly past: readonly (readonly Slot[])[]
  readonly mask: readonly (readonly number[])[]
}

const positions = (rows: Feed['added']) => rows.map((row) => row.map(({ position }) => position))
const reals = (rows: Feed['added']) => rows.map((row) => row.map(({ real }) => real))

/** The inputs that exports of decoders have, beside the cache. */
const gridInputs: Readonly<Record<string, (feed: Feed) => readonly (readonly number[])[]>> = {
  input_ids: ({ added }) => added.map((row) => row.map(({ id }) => id)),
  attention_mask: ({ mask }) => mask,
  position_ids: ({ added }) => positions(added),
  segment_ids: ({ added }) => reals(added),
  past_position_ids: ({ past }) => positions(past),
  past_segment_ids: ({ past }) => reals(past),
}

/** Whether an input is fed from tokens. */
export const isGridInput = (name: string): boolean => Object.hasOwn(gridInputs, name)

/**
 * Logits of texts that grow by one token a call.
 * @param others Feeds that stay the same: the matrices of an adapter.
 */
export function cachedLogits(decoder: CachedDecoder, others: OrtTensors = {}): Pick<NextTokenModel, 'logits' | 'end'> {
  const { graph, session, presents, compact, newTokens } = decoder
  const integers = (name: string, rows: readonly (readonly number[])[]): OrtTensor => {
    const flat = rows.flat()
    return integerTensor(graph, name, [rows.length, rows[0]?.length ?? 0], (i) => flat[i] as number)
  }
  const vector = (name: string, numbers: readonly number[]): OrtTensor =>
    integerTensor(graph, name, [numbers.length], (i) => numbers[i] as number)
  /** Rows of the cache, in its order. */
  let order: number[] = []
  let past: OrtTensors = {}
  let slots: Slot[][] = []

  const keep = (rows: readonly number[]): void => {
    const indices = rows.map((row) => order.indexOf(row))
    const kept = Object.entries(past).map(([name, value]) => [name, rowsOf(value, indices)] as const)
    if (kept.some(([, value]) => value === undefined)) return
    past = Object.fromEntries(kept) as OrtTensors
    slots = indices.map((i) => slots[i] as Slot[])
    order = [...rows]
  }
  return {
    async logits(texts) {
      if (!order.some((row) => texts.has(row))) {
        release(past)
        order = [...texts.keys()]
        slots = order.map(() => [])
        past = emptyCache(decoder, order.length)
      }
      // The cache of rows that ended is copied away when they are half of it.
      if (2 * texts.size <= order.length) keep([...texts.keys()])
      const added = padded(
        order.map((row, i) => newSlots(texts.get(row) ?? [], slots[i] as Slot[])),
        compact ? 'right' : 'left',
      )
      const all = slots.map((row, i) => [...row, ...(added[i] as Slot[])])
      const next = compact
        ? padded(
            all.map((row) => row.filter(({ real }) => real)),
            'right',
          )
        : all
      const feed: Feed = { added, past: slots, mask: reals(next) }
      const width = added[0]?.length ?? 0
      const last = added.map(
        (row, i) =>
          i * width +
          Math.max(
            0,
            row.findLastIndex(({ real }) => real),
          ),
      )
      const results = await session.run({
        ...others,
        ...past,
        ...Object.fromEntries(
          graph.inputs.flatMap((name) => (gridInputs[name] ? [[name, integers(name, gridInputs[name](feed))]] : [])),
        ),
        [decoder.lastToken]: vector(decoder.lastToken, last),
        ...(newTokens === undefined ? {} : { [newTokens]: vector(newTokens, added.map(realTokens)) }),
      })
      release(past)
      past = Object.fromEntries([...presents].map(([name, present]) => [name, results[present] as OrtTensor]))
      slots = next
      const { data, dims } = results[decoder.logits] as OrtTensor
      const size = dims.at(-1) as number
      const rows = [...texts.keys()].map((row): [number, Float32Array] => {
        const at = order.indexOf(row) * size
        return [row, (data as Float32Array).subarray(at, at + size)]
      })
      return new Map(rows)
    },
    end: () => release(past),
  }
}

const realTokens = (row: readonly Slot[]): number => row.filter(({ real }) => real).length

/** The tokens of a text that the cache does not have; one that is not asked for has none. */
function newSlots(text: readonly number[], cached: readonly Slot[]): Slot[] {
  const count = realTokens(cached)
  return text.slice(count).map((id, i) => ({ id, real: 1, position: count + i }))
}

function padded(rows: readonly (readonly Slot[])[], side: 'left' | 'right'): Slot[][] {
  const width = Math.max(...rows.map(({ length }) => length))
  return rows.map((row) => {
    const rest = Array.from({ length: width - row.length }, () => padding)
    return side === 'left' ? [...rest, ...row] : [...row, ...rest]
  })
}

/** A cache without tokens; its axes are [..., batch, heads, tokens, size], those of a state [batch, channels, tokens]. */
function emptyCache({ graph, presents }: CachedDecoder, rows: number): OrtTensors {
  const states = new Set(statesOf(graph))
  return Object.fromEntries(
    [...presents.keys()].map((name) => {
      const { shape } = getValue(graph, name)
      const known = states.has(name) ? { 0: rows } : { [shape.length - 4]: rows, [shape.length - 2]: 0 }
      const dims = shape.map((dim, axis) => (known as Record<number, number>)[axis] ?? Number(dim))
      return [name, new OrtTensor('float32', new Float32Array(elementCount(dims)), dims)]
    }),
  )
}

/** The rows of a tensor whose first axis they are, in the processor's memory; undefined for another one. */
function rowsOf(tensor: OrtTensor, indices: readonly number[]): OrtTensor | undefined {
  const { location, dims } = tensor
  if (location !== 'cpu' || dims.length > 4) return undefined
  const data = tensor.data as Float32Array
  const size = elementCount(dims.slice(1))
  const kept = new Float32Array(indices.length * size)
  for (const [i, row] of indices.entries()) kept.set(data.subarray(row * size, (row + 1) * size), i * size)
  return new OrtTensor('float32', kept, [indices.length, ...dims.slice(1)])
}

/** Frees tensors that stay on the device. */
function release(tensors: OrtTensors): void {
  for (const tensor of Object.values(tensors)) if (tensor.location !== 'cpu') tensor.dispose()
}
