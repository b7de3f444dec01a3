import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { DataError, parseColaTsv, parseColaZip } from '../../src/index.ts'

describe('CoLA', () => {
  it('reads quotes as text and a last line without newline', () => {
    expect(parseColaTsv('a1\t1\t\tShe said "no\na1\t0\t*\tSaid she no')).toEqual([
      { text: 'She said "no', label: 1 },
      { text: 'Said she no', label: 0 },
    ])
  })
  it.each([
    ['missing columns', 'a\t1\t\tGood.\nonly two\tcolumns', /tsv, line 2: wrong columns/],
    ['another label', 'a\t2\t\tGood.', /tsv, line 1: wrong label, expected 0 or 1, found "2"/],
    ['nothing', '', /tsv: the dataset is empty/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parseColaTsv(text, 'x.tsv')).toThrow(DataError)
    expect(() => parseColaTsv(text, 'x.tsv')).toThrow(message)
  })
  it('reads the zip of the release', async () => {
    const line = new TextEncoder().encode('a\t1\t\tGood.\n')
    const zip = zipSync(
      Object.fromEntries(
        ['in_domain_train', 'in_domain_dev', 'out_of_domain_dev'].map((name) => [`cola_public/raw/${name}.tsv`, line]),
      ),
    )
    expect((await parseColaZip(zip)).in_domain_dev).toEqual([{ text: 'Good.', label: 1 }])
    await expect(parseColaZip(zipSync({}))).rejects.toThrow(/a split is missing/)
    await expect(parseColaZip(new Uint8Array(10))).rejects.toThrow(/not a zip/)
  })
})
