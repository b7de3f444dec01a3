import { expect, it } from 'vitest'
import { checkOptions, whole } from '../src/options.ts'

it.each([
  [Symbol('s'), 'Symbol(s)'],
  [[Symbol('s'), 2], '[Symbol(s), 2]'],
  [{ rows: [], classes: ['a'] }, 'an object with rows, classes'],
  [[{ rows: [] }, [{}]], '[an object with rows, [an object with no fields]]'],
  [Object.create(null), 'an object with no fields'],
  [[Object.create(null)], '[an object with no fields]'],
  [{ toString: null }, 'an object with toString'],
  [new Map(), '[object Map]'],
  [1n, '1'],
  ['x'.repeat(100), `"${'x'.repeat(56)}...`],
])('a value that is not valid is shown, whatever it is: %#', (value, shown) => {
  expect(() => checkOptions('f', { n: value }, { n: whole(1, 9) })).toThrow(
    `f, option n: not a valid value, expected a whole number from 1 to 9, found ${shown}.`,
  )
})

it('a list that holds itself is shown', () => {
  const list: unknown[] = []
  list.push(list)
  expect(() => checkOptions('f', { n: list }, { n: whole(1) })).toThrow(/found \[{57}\.\.\./)
})
