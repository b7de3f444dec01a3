import { describe, expect, it } from 'vitest'
import { doubtfulClasses, type Label, similarClasses } from '../../src/index.ts'

/** Labels of classes that have so many rows each. */
const classes = (count: number, rows: number, first = 0): Label[] =>
  Array.from({ length: count * rows }, (_, i) => `class ${first + (i % count)}`)

describe('doubtful classes', () => {
  it('are more than half the labels', () => {
    expect(doubtfulClasses(classes(150, 3), [], 'field "label"')).toEqual([])
    expect(doubtfulClasses(classes(150, 2), [], 'field "label"')).toEqual([])
    expect(doubtfulClasses([...classes(10, 2), ...classes(20, 1, 10)], [], 'field "label"')).toEqual([
      'field "label": 30 classes in 40 labels; are they classes, or amounts, ids or texts?',
    ])
    expect(doubtfulClasses(classes(20, 1), [], 'field "label"')).toEqual([])
  })

  it('have no validation row', () => {
    expect(doubtfulClasses(classes(4, 5), classes(4, 1), 'field "label"')).toEqual([])
    expect(doubtfulClasses(classes(4, 5), classes(2, 2), 'field "label"')).toEqual([
      '2 of 4 classes have no validation row, such as "class 2", "class 3"; no score tells of them',
    ])
  })

  it('have a single row among larger ones', () => {
    const told = [
      'field "label": 1 of 3 classes with a single row, such as "class 2"; is the name misspelt? If not, a class is ' +
        'learned from several rows: add some, or leave the row out',
    ]
    expect(doubtfulClasses([...classes(2, 5), ...classes(1, 1, 2)], [], 'field "label"')).toEqual(told)
    expect(doubtfulClasses([...classes(2, 5), ...classes(1, 1, 2)], classes(3, 1), 'field "label"')).toEqual([])
    expect(doubtfulClasses(classes(2, 2), [], 'field "label"')).toEqual([])
    // A first try, and a column of ids, of which is said something else.
    expect(doubtfulClasses(classes(3, 1), [], 'field "label"')).toEqual([])
    expect(doubtfulClasses([...classes(3, 1), 'a', 'a'], [], 'field "label"')).toEqual([
      expect.stringContaining('3 of 4 classes with a single row'),
    ])
  })
})

describe('similar classes', () => {
  it.each<[readonly Label[], string]>([
    [['Spam', 'ham', 'spam'], '"Spam" and "spam"'],
    [['spam', 'ham', 'Spam '], '"spam" and "Spam "'],
    [['not spam', 'not  Spam', 'Not spam'], '"not spam" and "not  Spam" and "Not spam"'],
    [['\u00c9t\u00e9', 'e\u0301te\u0301'], '"\u00c9t\u00e9" and "e\u0301te\u0301"'],
  ])('differ in case or spaces alone: %j', (labels, names) => {
    expect(similarClasses(labels, 'field "label"')).toEqual([
      `field "label": classes that differ in case or spaces alone, ${names}; if they are one, write it in one way, such as ` +
        'label.trim().toLowerCase(); if not, name all classes with the option labels',
    ])
    expect(similarClasses(labels, 'a.csv', 'classes')[0]).toMatch(/^a\.csv: .* the option classes$/)
  })
  it('are told once, the first of them by name', () => {
    const labels = Array.from({ length: 10 }, (_, i) => [
      `Class ${i}`,
      `class ${i}`,
      `CLASS ${i}`,
      `class  ${i}`,
    ]).flat()
    expect(similarClasses(labels, 'a.csv')).toEqual([
      expect.stringMatching(
        /^a\.csv: 10 groups of classes that differ in case or spaces alone, "Class 0" and "class 0" and "CLASS 0"; .*"CLASS 2"; if/,
      ),
    ])
    expect(similarClasses(labels, 'a.csv')[0]).not.toMatch(/class 3/)
  })
  it.each<[readonly Label[]]>([[['spam', 'ham']], [[1, 10]], [[true, false]], [[]]])('are not %j', (labels) => {
    expect(similarClasses(labels, 'train')).toEqual([])
  })
})
