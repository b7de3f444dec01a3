import { describe, expect, it } from 'vitest'
import { DataError, type Label, requireSharedLabels } from '../../src/index.ts'

/** Labels of classes that have so many rows each. */
const classes = (count: number, rows: number, first = 0): Label[] =>
  Array.from({ length: count * rows }, (_, i) => `class ${first + (i % count)}`)
const refused = (labels: readonly Label[]) => () => requireSharedLabels(labels, 'train, field "label"', 'Mend it.')

describe('labels that are classes of their own', () => {
  it.each([
    ['ids', Array.from({ length: 3000 }, (_, i) => i), /3000 classes in 3000 labels, such as 0, 1, 2/],
    [
      'texts, of which a few are twice',
      [...classes(95, 1), ...classes(2, 2, 95)],
      /97 classes in 99 labels, such as "class 0"/,
    ],
    ['a score beside ids', [...classes(27, 1), 'all', 'all', 'all'], /28 classes in 30 labels/],
  ])('are refused: %s', (_, labels, found) => {
    expect(refused(labels)).toThrow(DataError)
    expect(refused(labels)).toThrow(
      /train, field "label": nearly every label is a class of its own, expected classes that/,
    )
    expect(refused(labels)).toThrow(found)
    expect(refused(labels)).toThrow(/Mend it\./)
  })

  it.each([
    ['150 classes of three', classes(150, 3)],
    ['150 classes of two', classes(150, 2)],
    ['rare ones among others', [...classes(2, 50), ...classes(40, 1, 2)]],
    ['a first try', classes(20, 1)],
    ['none', []],
  ])('are not those of %s', (_, labels) => {
    expect(refused(labels)).not.toThrow()
  })
})
