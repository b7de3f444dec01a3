import { describe, expect, it } from 'vitest'
import {
  classIndex,
  DataError,
  distinctLabels,
  isLabel,
  type Label,
  namedRows,
  requireLabel,
  requireLabels,
  withClassNames,
} from '../../src/index.ts'

describe('distinctLabels', () => {
  it.each([
    [
      ['b', 'a', 'b'],
      ['a', 'b'],
    ],
    [
      [10, 9, 1.5, 9],
      [1.5, 9, 10],
    ],
    [
      [true, false, true],
      [false, true],
    ],
    [
      ['10', '9'],
      ['10', '9'],
    ],
  ])('of %j are %j', (labels, expected) => {
    expect(distinctLabels(labels, 'train')).toEqual(expected)
  })
  it('are of one type', () => {
    expect(() => distinctLabels([1, '1'], 'train')).toThrow(
      /train, field "label": labels of several types, expected all strings, .* found number 1, string "1"/,
    )
  })
  it('do not look alike', () => {
    expect(() => distinctLabels(['caf\u00e9', 'cafe\u0301'], 'train')).toThrow(
      /train, field "label": two labels that look alike.* found "caf\\u00e9" and "cafe\\u0301"/,
    )
  })
})

describe('a label', () => {
  it.each(['', null, undefined, Number.NaN, {}, ['a']])('is not %j', (value) => {
    expect(isLabel(value)).toBe(false)
    expect(() => requireLabel(value, 'train, row 3')).toThrow(DataError)
    expect(() => requireLabel(value, 'train, row 3')).toThrow(/train, row 3, field "label": not a label/)
  })
  it('may be one of several', () => {
    expect(requireLabels([], 'train, row 1')).toEqual([])
    expect(requireLabels(['a', 'b'], 'train, row 1')).toEqual(['a', 'b'])
    expect(() => requireLabels('a', 'train, row 1')).toThrow(/not an array of labels/)
    expect(() => requireLabels([['a']], 'train, row 1')).toThrow(/not a label/)
  })
  it('has an index among the classes, or is refused with advice', () => {
    expect(classIndex(['a', 'b'], 'b', 'train, row 1', 'Add it.')).toBe(1)
    expect(() => classIndex([0, 1], '1', 'validation, row 2', 'Add it.')).toThrow(
      /validation, row 2, field "label": a label that is none of the classes, expected 0, 1, found "1"\. Did you mean 1\? Add it\./,
    )
    expect(() => classIndex(['Billing', 'Returns'], 'billing ', 'row 1', 'Add it.')).toThrow(
      /Did you mean Billing\? Add it\./,
    )
    expect(() => classIndex(['Billing', 'Returns'], 'shipping', 'row 1', 'Add it.')).toThrow(
      /found "shipping"\. Add it/,
    )
    expect(() => classIndex([100, 101], 102, 'row 1', 'Add it.')).toThrow(/found 102\. Add it/)
  })
})

it.each<[unknown, RegExp]>([
  [1n, /found 1n/],
  [Number.NaN, /found NaN/],
  [Object.assign([], { 0: 2n }), /found \["2n"\]/],
  [
    (() => {
      const own: { own?: object } = {}
      own.own = own
      return own
    })(),
    /found an object with own/,
  ],
])('what JSON has not is shown where a label is wanted: %s', (value, message) => {
  expect(() => requireLabel(value, 'train, row 1')).toThrow(message)
  expect(() => requireLabel(value, 'train, row 1')).toThrow(DataError)
})

describe('rows with the names of their classes', () => {
  const row = (label: Label | Label[]) => ({ text: 'a', label })
  it('have them in place of indices, one or several', () => {
    const rows = [row(2), row('a'), row([0, 'b']), row(3), row(-1), row(0.5)]
    const names = withClassNames(rows, ['a', 'b', 'c']).map(({ label }) => label)
    expect(names).toEqual(['c', 'a', ['a', 'b'], 3, -1, 0.5])
    expect(withClassNames([row(1), row(0)], ['0', '1'])).toEqual([row('1'), row('0')])
    expect(withClassNames([null as never], ['a'])).toEqual([null])
    expect(() => withClassNames([row(0)], { 0: 'a' } as never)).toThrow(/^withClassNames, names: .*expected an array/)
  })
  it('are refused where a number is the name of a class and the index of another', () => {
    expect(() => withClassNames([row(0), row(1)], ['1', '2'], 'train')).toThrow(
      /^train, row 2, field "label": a number that is the name of a class, .* expected "1", "2", found 1\. Give names, Str/,
    )
  })
  it('of a table have labels that are indices', () => {
    expect(namedRows({ rows: [{ text: 'a', label: 1, more: 2 }], classes: ['1', '2'] })).toEqual([
      { text: 'a', label: '2', more: 2 },
    ])
    for (const label of [2, -1, 0.5, 'a', '0', 'length', [0], null, undefined])
      expect(() => namedRows({ rows: [{ text: 'a', label: label as number }], classes: ['a', 'b'] })).toThrow(
        /^table, row 1, field "label": not the index of a class, expected a whole number from 0 to 1: "a", "b", found/,
      )
    expect(() => namedRows({ rows: [null as never], classes: ['a'] })).toThrow(/row 1, .*found nothing/)
  })
})
