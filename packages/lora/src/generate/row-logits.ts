// Logits of texts that begin and end at different times, with the keys and values of their tokens in rows of a cache.

import type { Graph } from '@cola/graph'
import type { OrtSession, OrtTensor, OrtTensors } from '@cola/train'
import type { NextTokenModel } from './generate-tokens.ts'
import { integerTensor } from './integer-tensor.ts'
import { type Cache, type CacheState, type CacheView, rowCache } from './row-cache.ts'
import type { SampleOptions } from './sample.ts'
import { outputsFor, scoresOf, temperatureOf, type TopTokens } from './top-tokens.ts'

/** A decoder's session, and the names in its graph. */
export interface RowDecoder {
  readonly graph: Graph
  readonly session: Pick<OrtSession, 'run'>
  readonly caches: readonly Cache[]
  /** The input with the index of each text's last token among all tokens of the batch, [batch]. */
  readonly lastToken: string
  readonly top: TopTokens
}

/** A text that is generated: the name of its row, and its tokens. */
type Entry = readonly [row: number, text: readonly number[]]

/** What one run reads: texts, the tokens of each that are in the cache, the greatest numbers of new and of all tokens. */
interface Run {
  readonly texts: readonly (readonly number[])[]
  readonly lengths: readonly number[]
  readonly width: number
  readonly total: number
}

/** An input [batch, columns], and its number for a text at a column. */
interface GridInput {
  readonly columns: 'width' | 'total'
  readonly at: (text: readonly number[], column: number, length: number) => number
}

/** The inputs that exports of decoders have, beside the cache. New tokens are padded on the right. */
const gridInputs: Readonly<Record<string, GridInput>> = {
  input_ids: { columns: 'width', at: (text, column, length) => text[length + column] ?? 0 },
  position_ids: { columns: 'width', at: (text, column, length) => Math.min(length + column, text.length - 1) },
  attention_mask: { columns: 'total', at: (text, column) => Number(column < text.length) },
}

/** Whether texts give all inputs of the graph but those of the cache. */
export const takesRows = (graph: Graph, others: readonly string[]): boolean =>
  graph.inputs.every((name) => Object.hasOwn(gridInputs, name) || others.includes(name))

/**
 * Logits of texts that grow by one token a call. Texts may begin at any call.
 * @param others Feeds that stay the same: the matrices of an adapter.
 */
export function rowLogits(decoder: RowDecoder, others: OrtTensors = {}): Pick<NextTokenModel, 'logits' | 'joins'> {
  const { graph, session, caches } = decoder
  const cache = rowCache(caches)
  const placesByHeads = new Map(caches.map(({ places, heads }) => [heads, places]))
  const shared = sharedTensors(decoder.top, others)

  async function run(
    entries: readonly Entry[],
    { lengths, capacity, past, present }: CacheState,
    options: SampleOptions,
  ): Promise<{ counts: number[]; results: OrtTensors }> {
    const texts = entries.map(([, text]) => text)
    const counts = texts.map(({ length }, i) => length - (lengths[i] as number))
    const sizes = { width: Math.max(...counts), total: longest(entries) }
    const { feeds, fetches } = shared({ past, present }, options)
    Object.assign(feeds, feedsOf(graph, { texts, lengths, ...sizes }))
    const tokens = Math.max(sizes.total, capacity)
    for (const [heads, places] of placesByHeads)
      if (places !== undefined)
        feeds[places] = integerTensor(graph, places, [texts.length, heads, sizes.width], (index) => {
          const [head, column] = [Math.floor(index / sizes.width), index % sizes.width]
          const i = Math.floor(head / heads)
          // What is gathered for padding is not read.
          return head * tokens + (lengths[i] as number) + Math.min(column, (counts[i] as number) - 1)
        })
    feeds[decoder.lastToken] = integerTensor(
      graph,
      decoder.lastToken,
      [texts.length],
      (i) => i * sizes.width + (counts[i] as number) - 1,
    )
    return { counts, results: (await session.run(feeds, fetches)) as OrtTensors }
  }

  /** Logits by row of the entries, the last rows of the cache, which gets their new tokens. */
  async function read(entries: readonly Entry[], options: SampleOptions) {
    if (entries.length === 0) return []
    const { counts, results } = await run(entries, cache.state(entries.length, longest(entries)), options)
    cache.append(counts, results)
    return entries.map(([row], i) => [row, scoresOf(decoder.top, results, i, options)] as const)
  }

  return {
    joins: true,
    async logits(texts, options) {
      cache.keep((row) => texts.has(row))
      const begun = new Set(cache.rows)
      // A text of one token begins in the run of those that go on.
      const isJoined = ([, text]: Entry): boolean => begun.size > 0 && text.length === 1
      const added = [...texts].filter(([row]) => !begun.has(row))
      cache.add(added.filter(isJoined).map(([row]) => row))
      const goingOn = cache.rows.map((row): Entry => [row, texts.get(row) as readonly number[]])
      const beginning = added.filter((entry) => !isJoined(entry))
      const first = await read(goingOn, options)
      cache.add(beginning.map(([row]) => row))
      return new Map([...first, ...(await read(beginning, options))])
    },
  }
}

/** What the runtime reads, and what it gives: names of outputs with the memory for them. */
interface FeedsAndFetches {
  readonly feeds: OrtTensors
  readonly fetches: Record<string, OrtTensor | null>
}

/**
 * Feeds and fetches without those of tokens, which the caller sets. Objects of two tensors a layer and more cost as much
 * as a twentieth of a step: they are made again only when the cache or the options are others.
 */
function sharedTensors(
  top: TopTokens,
  others: OrtTensors,
): (view: CacheView, options: SampleOptions) => FeedsAndFetches {
  let made: (FeedsAndFetches & { readonly past: OrtTensors; readonly options: SampleOptions }) | undefined
  return ({ past, present }, options) => {
    if (made?.past === past && made.options === options) return made
    const chosen = Object.fromEntries(outputsFor(top, options).map((name) => [name, null]))
    const feeds = { ...others, ...past, [top.temperature]: temperatureOf(options) }
    made = { past, options, feeds, fetches: { ...chosen, ...present } }
    return made
  }
}

/** Tokens of the longest text. */
const longest = (entries: readonly Entry[]): number => Math.max(...entries.map(([, { length }]) => length))

function feedsOf(graph: Graph, run: Run): OrtTensors {
  return Object.fromEntries(
    Object.entries(gridInputs).flatMap(([name, { columns, at }]) => {
      if (!graph.inputs.includes(name)) return []
      const width = run[columns]
      const numberAt = (index: number): number => {
        const i = Math.floor(index / width)
        return at(run.texts[i] as readonly number[], index % width, run.lengths[i] as number)
      }
      return [[name, integerTensor(graph, name, [run.texts.length, width], numberAt)]]
    }),
  )
}
