// Keys and values of texts, a row each, in memory from which the runtime's attention reads them. It writes those of new
// tokens there itself, or gives them alone: the cache is not copied at every token, texts that end leave it, and others
// join it.

import { addInput, build, cloneGraph, type Graph, getValue, type Value } from '@cola/graph'
import { freeMemory, OrtTensor, type OrtTensors } from '@cola/train'

/** The keys or the values of an attention layer. */
export interface Cache {
  /** Input [batch, heads, capacity, size]; the attention reads as many tokens of a row as its mask says. */
  readonly input: string
  /** Output with the new tokens: [batch, heads, new, size] where there are `places`, else the array of the input. */
  readonly output: string
  /** Input [batch, heads, new] with the places of new tokens in the whole cache as rows, [batch * heads * tokens]. */
  readonly places?: string
  readonly heads: number
  readonly size: number
}

/** A graph, and the caches of its attention. */
interface WithCaches {
  readonly graph: Graph
  readonly caches: readonly Cache[]
}

/**
 * The caches of a graph whose attention takes memory for more tokens than it has: GroupQueryAttention. Undefined where
 * something else makes some of them.
 * @param presents The output of the cache by its input.
 * @param inPlace Whether the device computes in the arrays of tensors; else the graph gives the keys and values of new
 * tokens in place of those of all tokens.
 */
export function withCaches(
  graph: Graph,
  presents: ReadonlyMap<string, string>,
  inPlace: boolean,
): WithCaches | undefined {
  const attention = graph.nodes.filter(({ opType }) => opType === 'GroupQueryAttention')
  const made = new Set(attention.flatMap(({ outputs }) => outputs.slice(1, 3)))
  if ([...presents.values()].some((present) => !made.has(present))) return undefined
  if (!inPlace) return withAddedTokens(graph, presents)
  return { graph, caches: [...presents].map(([input, output]) => ({ input, output, ...headsOf(graph, input) })) }
}

function withAddedTokens(original: Graph, presents: ReadonlyMap<string, string>): WithCaches {
  const graph = cloneGraph(original)
  const g = build(graph)
  const places = new Map<number, Value>()
  const added = new Map<string, string>()
  const caches = [...presents].map(([input, present]): Cache => {
    const { heads, size } = headsOf(graph, input)
    const at = places.get(heads) ?? addInput(graph, `cache_places.${heads}`, 'int64', ['batch', heads, 'new'])
    places.set(heads, at)
    const output = g.Gather(g.Reshape(getValue(graph, present), g.int64([-1, size])), at).name
    added.set(present, output)
    return { input, output, places: at.name, heads, size }
  })
  graph.outputs = graph.outputs.map((name) => added.get(name) ?? name)
  return { graph, caches }
}

function headsOf(graph: Graph, input: string): Pick<Cache, 'heads' | 'size'> {
  const [heads, , size] = getValue(graph, input).shape.slice(-3) as [number, unknown, number]
  return { heads, size }
}

/** Tensors of the cache; the same objects as long as they are of the same memory. */
export interface CacheView {
  /** The inputs of the caches. */
  readonly past: OrtTensors
  /** What their outputs are written into: the inputs themselves, or memory of the runtime. */
  readonly present: Readonly<Record<string, OrtTensor | null>>
}

/** The cache of some texts, in their order, for one run. */
export interface CacheState extends CacheView {
  /** Tokens of each text that it has. */
  readonly lengths: readonly number[]
  /** Tokens of a text for which it has place. */
  readonly capacity: number
}

/** The cache of the texts that are generated. */
export interface RowCache {
  /** Names of its rows, in their order. */
  readonly rows: readonly number[]
  /** Removes rows. */
  readonly keep: (isKept: (row: number) => boolean) => void
  /** Adds rows without tokens. */
  readonly add: (rows: readonly number[]) => void
  /** The cache of the last rows. @param tokens Greatest number of tokens that a text has after the run. */
  readonly state: (rows: number, tokens: number) => CacheState
  /**
   * Adds new tokens to the last rows.
   * @param counts Number of new tokens of each of these rows.
   * @param results Outputs of the run that had their state.
   */
  readonly append: (counts: readonly number[], results: OrtTensors) => void
}

/** Tokens for which there is place beside those of the longest text: a fourth more, and at least these. */
const spare = 16

export function rowCache(caches: readonly Cache[]): RowCache {
  const inPlace = caches.every(({ places }) => places === undefined)
  const rows: number[] = []
  const lengths: number[] = []
  let [places, capacity] = [0, 0]
  let memory = caches.map(() => new Float32Array())
  /** The last view, and the numbers that say of which rows: most runs read those of the run before. */
  let current: { readonly key: string; readonly view: CacheView } | undefined

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
    current = undefined
  }

  /** Tensors [count, heads, tokens, size] of the rows from `first`. */
  function viewOf(first: number, count: number, tokens: number): CacheView {
    const key = `${first} ${count} ${tokens}`
    if (current?.key === key) return current.view
    const view = { past: {} as OrtTensors, present: {} as Record<string, OrtTensor | null> }
    caches.forEach(({ input, output, heads, size }, c) => {
      const width = heads * tokens * size
      const part = (memory[c] as Float32Array).subarray(first * width, (first + count) * width)
      const tensor = new OrtTensor('float32', part, [count, heads, tokens, size])
      view.past[input] = tensor
      view.present[output] = inPlace ? tensor : null
    })
    current = { key, view }
    return view
  }

  /** Copies the keys and values of new tokens to the memory. */
  function copy(counts: readonly number[], results: OrtTensors): void {
    const first = rows.length - counts.length
    const width = Math.max(...counts)
    reserve(Math.max(...counts.map((count, i) => (lengths[first + i] as number) + count)))
    caches.forEach(({ output, heads, size }, c) => {
      const [from, to] = [results[output]?.data as Float32Array, memory[c] as Float32Array]
      counts.forEach((count, i) => {
        for (let head = 0; head < heads; head++) {
          const source = (i * heads + head) * width * size
          const target = (((first + i) * heads + head) * capacity + (lengths[first + i] as number)) * size
          to.set(from.subarray(source, source + count * size), target)
        }
      })
    })
  }

  /** Frees the arrays that the runtime gives of what it wrote into the memory: V8 collects garbage for their size. */
  function freeResults(results: OrtTensors): void {
    const given = caches.map(({ output }) => results[output]?.data as Float32Array)
    freeMemory(...given.filter(({ buffer }, c) => buffer !== memory[c]?.buffer))
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
    },
    state(count, tokens) {
      const first = rows.length - count
      const own = lengths.slice(first)
      // Without tokens there is nothing to copy to the device.
      const isEmpty = !inPlace && own.every((length) => length === 0)
      if (!isEmpty) reserve(inPlace ? tokens : 1)
      const place = isEmpty ? 0 : capacity
      return { lengths: own, capacity: place, ...viewOf(first, count, place) }
    },
    append(counts, results) {
      if (inPlace) freeResults(results)
      else copy(counts, results)
      const first = rows.length - counts.length
      counts.forEach((count, i) => {
        lengths[first + i] = (lengths[first + i] as number) + count
      })
    },
  }
}
