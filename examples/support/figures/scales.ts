// Domains and ticks of the axes.

export type Interval = readonly [low: number, high: number]

/** Smallest and largest of the finite values; undefined without any. */
export function extent(values: Iterable<number>): Interval | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of values) if (Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return low <= high ? [low, high] : undefined
}

/**
 * Domain of the y axis: all values with some room, within what is possible.
 * It starts at zero where the values of a positive quantity span three quarters of what lies above zero.
 */
export function valueDomain(values: Iterable<number>, [least, most]: Interval): Interval {
  const [low, high] = extent(values) ?? [0, 1]
  const equal = high - low <= 1e-9 * Math.abs(high)
  const room = equal ? 0.1 * Math.abs(high) || 1 : 0.05 * (high - low)
  const bottom = !equal && low >= 0 && low <= high / 4 ? 0 : low - room
  return [Math.max(bottom, least), Math.min(high + room, most)]
}

/** Domain of the x axis: the epochs, or one in the middle. */
export function epochDomain(epochs: Iterable<number>): Interval {
  const [first, last] = extent(epochs) ?? [1, 1]
  return first === last ? [first - 0.5, last + 0.5] : [first, last]
}

/** At most `most` whole epochs at steps of 1, 2 or 5 times a power of ten. */
export function epochTicks([first, last]: Interval, most: number): number[] {
  const least = Math.max(1, (last - first) / most)
  const power = 10 ** Math.floor(Math.log10(least))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least) ?? 10 * power
  const start = Math.ceil(first / step)
  return Array.from({ length: Math.floor(last / step) - start + 1 }, (_, i) => (start + i) * step)
}
