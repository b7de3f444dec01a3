// The arithmetic mean of numbers.

/** The sum of the values over their number; 0 for none. */
export const mean = (values: ArrayLike<number>): number =>
  values.length === 0 ? 0 : Array.from(values).reduce((sum, value) => sum + value, 0) / values.length
