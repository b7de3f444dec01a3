import { editDistance } from '../src/edit-distance.ts'
import { expect, it } from 'vitest'

// Distances by hand, of Wagner and Fischer (1974): one for each insertion, deletion or replacement.
it.each([
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['same', 'same', 0],
  ['flaw', 'lawn', 2],
])('from %j to %j', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
})
