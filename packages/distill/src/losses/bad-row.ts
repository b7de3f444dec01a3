// What logits may hold: finite numbers, and -Infinity for classes that are masked.

import type { Problem } from '@cola/graph'
import { show } from '@cola/graph/options'

/**
 * The first row of values [rows, width] that no loss has a value for: with NaN or +Infinity, or -Infinity in all of its
 * classes.
 * @param masks Whether -Infinity is allowed, which masks a class. @default true
 */
export function badRow(
  values: ArrayLike<number>,
  width: number,
  masks = true,
): { row: number; problem: Omit<Problem, 'where'> } | undefined {
  const least = masks ? Number.NEGATIVE_INFINITY : -Number.MAX_VALUE
  for (let start = 0; start < values.length; start += width) {
    let masked = 0
    for (let i = 0; i < width; i++) {
      const value = values[start + i] as number
      if (!(value >= least && value < Number.POSITIVE_INFINITY))
        return {
          row: start / width,
          problem: {
            what: `column ${i} is no value of a model`,
            expected: masks ? 'finite numbers, or -Infinity for a masked class' : 'finite numbers',
            found: show(value),
          },
        }
      if (value === Number.NEGATIVE_INFINITY) masked++
    }
    if (masked === width)
      return {
        row: start / width,
        problem: { what: 'all of its classes are masked', expected: 'a finite logit', found: 'only -Infinity' },
      }
  }
  return undefined
}
