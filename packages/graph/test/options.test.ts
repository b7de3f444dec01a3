import { expect, it } from 'vitest'
import { abortSignal, checkOptions, checkValue, list, object, oneOf, whole } from '../src/options.ts'

it.each([
  [Symbol('s'), 'Symbol(s)'],
  [[Symbol('s'), 2], '[Symbol(s), 2]'],
  [{ rows: [], classes: ['a'] }, 'an object with rows, classes'],
  [[{ rows: [] }, [{}]], '[an object with rows, [an object with no fields]]'],
  [Object.create(null), 'an object with no fields'],
  [[Object.create(null)], '[an object with no fields]'],
  [{ toString: null }, 'an object with toString'],
  [new Map(), '[object Map]'],
  [Promise.resolve(), 'a Promise: write await before it'],
  [[Promise.resolve()], '[a Promise: write await before it]'],
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

it.each([[object], [list]])('a Promise is none of the objects that are asked for: %#', (check) => {
  expect(() => checkValue('f, x', Promise.resolve([]), check)).toThrow(/found a Promise: write await before it\.$/)
})

it.each([
  ['seq_cls', '"SEQ_CLS"'],
  ['SEQ-CLS', '"SEQ_CLS"'],
  ['SEQ_CLASS', '"SEQ_CLS"'],
  ['4', '4'],
  ['q8', '"int8"'],
])('of several values, %s has one that was meant', (given, meant) => {
  const check = oneOf(['SEQ_CLS', 'int8', 4], { q8: 'int8' })
  expect(() => checkValue('f, x', given, check)).toThrow(
    `f, x: not a valid value, expected "SEQ_CLS", "int8", 4, found ${JSON.stringify(given)}. Did you mean ${meant}?`,
  )
})

it.each(['something', 'toString', 5, null])('of several values, none was meant by %j', (given) => {
  const check = oneOf(['SEQ_CLS', 'int8', 4])
  expect(() => checkValue('f, x', given, check)).toThrow(/found [^.]*\.$/)
})

it('the controller of a signal is told from the signal', () => {
  const found = 'found [object AbortController]. Write controller.signal.'
  expect(() => checkValue('f, signal', new AbortController(), abortSignal)).toThrow(found)
  expect(() => checkValue('f, signal', {}, abortSignal)).toThrow(/found an object with no fields\.$/)
})

it('an option that was misspelt among many is told by the one that was meant alone', () => {
  const checks = Object.fromEntries(
    ['epochs', ...Array.from({ length: 40 }, (_, i) => `name${i}`)].map((n) => [n, list]),
  )
  expect(() => checkOptions('f', { epoch: 1 }, checks)).toThrow(
    /^f, option epoch: no such option\. Did you mean epochs\?$/,
  )
  expect(() => checkOptions('f', { zzzz: 1 }, checks)).toThrow(/no such option, expected epochs, name0, /)
})
