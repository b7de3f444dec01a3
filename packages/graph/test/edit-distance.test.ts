import { editDistance } from '../src/edit-distance.ts'
import { expect, it } from 'vitest'

// Distances by hand, of Wagner and Fischer (1974) and, with letters that changed places, of Damerau (1964): one for each
// insertion, deletion, replacement or transposition. `ca` to `abc` are two with the unrestricted distance, three here.
it.each([
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
  ['abc', '', 3],
  ['same', 'same', 0],
  ['flaw', 'lawn', 2],
  ['lable', 'label', 1],
  ['lables', 'label', 2],
  ['ab', 'ba', 1],
  ['ca', 'abc', 3],
  ['abcd', 'badc', 2],
])('from %j to %j', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance)
})
