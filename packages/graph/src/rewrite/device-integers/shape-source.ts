// Builds shapes, int64 vectors of dimensions, from the shapes of other values. A Shape reads no elements; what computes
// a shape from parts of others runs on the host.

import type { Dim } from '../../ir/dim.ts'
import type { Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'

interface Part {
  value: Value
  start: number
  end: number
}

const keyOf = (dims: readonly Dim[]): string => dims.join()
const isSymbolic = (dims: readonly Dim[]): boolean => dims.some((dim) => typeof dim !== 'number')

export class ShapeSource {
  readonly #g: Builder
  readonly #parts = new Map<string, Part>()
  readonly #built = new Map<string, Value>()

  constructor(g: Builder) {
    this.#g = g
  }

  /** Offers the shape of a value, which is there from now on; values that were offered before are preferred. */
  offer(value: Value): void {
    for (let start = 0; start < value.shape.length; start++)
      for (let end = start + 1; end <= value.shape.length; end++) {
        const dims = value.shape.slice(start, end)
        if (isSymbolic(dims) && !this.#parts.has(keyOf(dims))) this.#parts.set(keyOf(dims), { value, start, end })
      }
  }

  /** An int64 vector of dimensions; undefined where one is the size of no value. */
  build(dims: readonly Dim[]): Value | undefined {
    if (!isSymbolic(dims)) return this.#g.int64(dims as number[])
    const key = keyOf(dims)
    const shape = this.#built.get(key) ?? this.#read(dims) ?? this.#join(dims)
    if (shape) this.#built.set(key, shape)
    return shape
  }

  #read(dims: readonly Dim[]): Value | undefined {
    const part = this.#parts.get(keyOf(dims))
    return part && this.#g.Shape(part.value, { start: part.start, end: part.end })
  }

  /** Numbers, and the shapes of other values between them: the fewest parts from the left, each as long as possible. */
  #join(dims: readonly Dim[]): Value | undefined {
    const pieces: Value[] = []
    for (let start = 0; start < dims.length; ) {
      const end = this.#endOfPart(dims, start)
      const piece = end > start && end - start < dims.length ? this.build(dims.slice(start, end)) : undefined
      if (!piece) return undefined
      pieces.push(piece)
      start = end
    }
    return this.#g.Concat(...pieces, { axis: 0 })
  }

  /** The end of the longest part that starts at an axis: numbers only, or symbols only that a value has in this order. */
  #endOfPart(dims: readonly Dim[], start: number): number {
    const isNumber = typeof dims[start] === 'number'
    const other = dims.findIndex((dim, i) => i > start && (typeof dim === 'number') !== isNumber)
    let end = other < 0 ? dims.length : other
    while (!isNumber && end > start && !this.#parts.has(keyOf(dims.slice(start, end)))) end--
    return end
  }
}
