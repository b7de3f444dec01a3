import { describe, expect, it } from 'vitest'
import { contradictions, doubtfulClasses, firstPlaces, parseRecords, similarClasses } from '../../src/index.ts'

interface Row {
  text: string
  label: string
}
const read = ({ text, label }: Row) => ({ input: text, label })

describe('a text with several labels', () => {
  it('is told with the places of its rows, those of a file and those of another part', async () => {
    const train = await parseRecords<Row>(
      'text,label\nwhere is it,track\nmoney back,refund\nwhere is it,refund\n',
      'csv',
      'a.csv',
    )
    const validation = [{ text: 'money back', label: 'track' }]
    expect(contradictions({ train, validation }, read, 'field "label"')).toEqual([
      'field "label": 2 texts have several labels, "where is it" is "track" in train, row 1 (a.csv, line 2) and "refund" ' +
        'in train, row 3 (a.csv, line 4); "money back" is "refund" in train, row 2 (a.csv, line 3) and "track" in ' +
        'validation, row 1; leave out the rows whose label is wrong',
    ])
  })
  it('is one of several, of which the first are named', () => {
    const train = Array.from({ length: 20 }, (_, i) => ({ text: `text ${i % 10}`, label: i < 10 ? 'a' : 'b' }))
    const [told = ''] = contradictions({ train }, read, 'labels')
    expect(told).toMatch(
      /^labels: 10 texts have several labels, "text 0" is "a" in train, row 1 and "b" in train, row 11;/,
    )
    expect(told).not.toMatch(/"text 3"/)
  })
  it('is not one that rows repeat, nor one of other spelling', () => {
    const train = [
      { text: 'a', label: 'x' },
      { text: 'a', label: 'x' },
      { text: 'A', label: 'y' },
    ]
    expect(contradictions({ train }, read, 'labels')).toEqual([])
    expect(contradictions({}, read, 'labels')).toEqual([])
  })
})

describe('doubtful classes are told with the place of their first row', () => {
  const train = ['spam', 'ham', 'Spam', 'spam', 'ham', 'smap'].map((label) => ({ text: 'a', label }))
  const labels = train.map(({ label }) => label)
  const placeOf = firstPlaces({ train }, ({ label }) => [label])
  it('one with a single row', () => {
    expect(doubtfulClasses(labels, [], 'labels', { placeOf })).toEqual([
      expect.stringMatching(
        /2 of 4 classes with a single row, such as "Spam" in train, row 3, "smap" in train, row 6; is/,
      ),
    ])
    expect(doubtfulClasses(labels, [], 'labels', { named: true })).toEqual([])
  })
  it('variants of a name', () => {
    expect(similarClasses([...new Set(labels)], 'labels', 'labels', placeOf)).toEqual([
      expect.stringMatching(/alone, "spam" in train, row 1 and "Spam" in train, row 3; if/),
    ])
    expect(placeOf('eggs')).toBeUndefined()
  })
})
