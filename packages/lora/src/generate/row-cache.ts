// Keys and values of texts, a row each, in memory from which the runtime's attention reads them. A run gives those of
// its new tokens alone: the cache is not copied out at every token, texts that end leave it, and others join it.

import { addInput, build, cloneGraph, type Graph, getValue, type Value } from '@cola/graph'
import { OrtTensor, type OrtTensors } from '@cola/train'

/** The keys or the values of an attention layer. */
export interface Cache {
  /** Input [batch, heads, capacity, size]; the attention reads as many tokens of a row as its mask says. */
  readonly input: string
  /** Output [batch, heads, new, size] with those of new tokens. */
  readonly added: string
  /** Input [batch, heads, new] with the places of new tokens in the whole cache as rows, [batch * heads * tokens]. */
  readonly places: string
  readonly heads: number
  readonly size: number
}

/**
 * The graph with keys and values of new tokens as outputs, in place of those of all tokens. Undefined where something
 * else than GroupQueryAttention, which takes caches of any capacity, makes some of them.
 * @param presents The output of the cache by its input.
 */
export function withAddedTokens(
  original: Graph,
  presents: ReadonlyMap<string, string>,
): { graph: Graph; caches: readonly Cache[] } | undefined {
  const attention = original.nodes.filter(({ opType }) => opType === 'GroupQueryAttention')
  const made = new Set(attention.flatMap(({ outputs }) => outputs.slice(1, 3)))
  if ([...presents.values()].some((present) => !made.has(present))) return undefined
  const graph = cloneGraph(original)
  const g = build(graph)
  const places = new Map<number, Value>()
  const added = new Map<string, string>()
  const caches = [...presents].map(([input, present]): Cache => {
    const [heads, , size] = getValue(graph, input).shape.slice(-3) as [number, unknown, number]
    const at = places.get(heads) ?? addInput(graph, `cache_places.${heads}`, 'int64', ['batch', heads, 'new'])
    places.set(heads, at)
    const output = g.Gather(g.Reshape(getValue(graph, present), g.int64([-1, size])), at).name
    added.set(present, output)
    return { input, added: output, places: at.name, heads, size }
  })
  graph.outputs = graph.outputs.map((name) => added.get(name) ?? name)
  return { graph, caches }
}

/** The cache of some texts, in their order, for one run. */
export interface CacheState {
  /** Tokens of each text that it has. */
  readonly lengths: readonly number[]
  /** Tokens of a text for which it has place. */
  readonly capacity: number
  readonly past: OrtTensors
}

/** The cache of texts that begin. */
export const emptyState = (caches: readonly Cache[], rows: number): CacheState => ({
  lengths: Array.from({ length: rows }, () => 0),
  capacity: 0,
  past: Object.fromEntries(
    caches.map(({ input, heads, size }) => [
      input,
      new OrtTensor('float32', new Float32Array(), [rows, heads, 0, size]),
    ]),
  ),
})

/** The cache of the texts that are generated. */
export interface RowCache {
  /** Names of its rows, in their order. */
  readonly rows: readonly number[]
  /** Removes rows. */
  readonly keep: (isKept: (row: number) => boolean) => void
  /** Adds rows without tokens. */
  readonly add: (rows: readonly number[]) => void
  readonly state: () => CacheState
  /**
   * Adds new tokens to the last rows.
   * @param counts Number of new tokens of each of these rows.
   * @param added By output, [rows, heads, greatest of the counts, size].
   */
  readonly append: (counts: readonly number[], added: OrtTensors) => void
}

/** Tokens for which there is place beside those of the longest text: a fourth more, and at least these. */
const spare = 16

export function rowCache(caches: readonly Cache[]): RowCache {
  const rows: number[] = []
  const lengths: number[] = []
  let [places, capacity] = [0, 0]
  let memory = caches.map(() => new Float32Array())

  /** Moves what there is to memory with more place. */
  function reserve(tokens: number): void {
    if (rows.length <= places && tokens <= capacity) return
    const [had, held] = [capacity, Math.min(places, rows.length)]
    places = Math.max(places, rows.length)
    if (tokens > capacity) capacity = tokens + Math.max(spare, tokens >> 2)
    memory = caches.map(({ heads, size }, c) => {
      const [from, to] = [memory[c] as Float32Array, new Float32Array(places * heads * capacity * size)]
      for (let head = 0; head < held * heads; head++)
        to.set(from.subarray(head * had * size, (head + 1) * had * size), head * capacity * size)
      return to
    })
  }

  return {
    rows,
    keep(isKept) {
      for (let i = rows.length - 1; i >= 0; i--) {
        if (isKept(rows[i] as number)) continue
        const last = rows.length - 1
        caches.forEach(({ heads, size }, c) => {
          const width = heads * capacity * size
          memory[c]?.copyWithin(i * width, last * width, (last + 1) * width)
        })
        ;[rows[i], lengths[i]] = [rows[last] as number, lengths[last] as number]
        rows.pop()
        lengths.pop()
      }
    },
    add(added) {
      rows.push(...added)
      lengths.push(...added.map(() => 0))
      reserve(1)
    },
    state: () => ({
      lengths: [...lengths],
      capacity,
      past: Object.fromEntries(
        caches.map(({ input, heads, size }, c) => [
          input,
          new OrtTensor('float32', (memory[c] as Float32Array).subarray(0, rows.length * heads * capacity * size), [
            rows.length,
            heads,
            capacity,
            size,
          ]),
        ]),
      ),
    }),
    append(counts, added) {
      const first = rows.length - counts.length
      const width = Math.max(...counts)
      reserve(Math.max(...counts.map((count, i) => (lengths[first + i] as number) + count)))
      caches.forEach(({ added: output, heads, size }, c) => {
        const [from, to] = [added[output]?.data as Float32Array, memory[c] as Float32Array]
        counts.forEach((count, i) => {
          for (let head = 0; head < heads; head++) {
            const source = (i * heads + head) * width * size
            const target = (((first + i) * heads + head) * capacity + (lengths[first + i] as number)) * size
            to.set(from.subarray(source, source + count * size), target)
          }
        })
      })
      counts.forEach((count, i) => {
        lengths[first + i] = (lengths[first + i] as number) + count
      })
    },
  }
}
