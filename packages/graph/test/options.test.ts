import { expect, it } from 'vitest'
import { checkOptions, whole } from '../src/options.ts'

it.each([
  [Symbol('s'), 'Symbol(s)'],
  [[Symbol('s'), 2], '[Symbol(s), 2]'],
  [Object.create(null), '[object Object]'],
  [[Object.create(null)], '[[object Object]]'],
  [{ toString: null }, '[object Object]'],
  [1n, '1'],
  ['x'.repeat(100), `"${'x'.repeat(56)}...`],
])('a value that is not valid is shown, whatever it is: %#', (value, shown) => {
  expect(() => checkOptions('f', { n: value }, { n: whole(1, 9) })).toThrow(
    `f, option n: not a valid value, expected a whole number from 1 to 9, found ${shown}.`,
  )
})
