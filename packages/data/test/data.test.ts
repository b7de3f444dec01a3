import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { hubServer } from '../../../tools/hub-server.ts'
import {
  DataError,
  encodeRows,
  generateSentences,
  packForLanguageModel,
  packRows,
  packSentences,
  parseColaTsv,
  parseColaZip,
  parseGlueParquet,
  random,
  readColaFolder,
  readGlueCola,
  readTokenizer,
  unpad,
} from '../src/index.ts'

const shared = join(import.meta.dirname, '../../../../shared/data')

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
  it('reads GLUE’s parquet from the hub, by the commit of a branch, and from the cache without the hub', async () => {
    const split = (rows: [string, number][]) =>
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: 'sentence', data: rows.map(([text]) => text), type: 'STRING' },
            { name: 'label', data: rows.map(([, label]) => BigInt(label)), type: 'INT64' },
            { name: 'idx', data: rows.map((_, i) => i), type: 'INT32' },
          ],
        }),
      )
    const sha = 'c'.repeat(40)
    const files: Record<string, Buffer> = {
      'cola/train-00000-of-00001.parquet': split([
        ['They slept.', 1],
        ['They slept the bed.', 0],
        ['"So", she said.', 1],
      ]),
      'cola/validation-00000-of-00001.parquet': split([['He sleep.', 0]]),
    }
    const hub = await hubServer(files, sha)
    const options = { endpoint: hub.endpoint, cacheDir: mkdtempSync(join(tmpdir(), 'cola-glue-')), timeout: 2000 }
    const expected = {
      train: [
        { text: 'They slept.', label: 1 },
        { text: 'They slept the bed.', label: 0 },
        { text: '"So", she said.', label: 1 },
      ],
      validation: [{ text: 'He sleep.', label: 0 }],
    }
    expect(await readGlueCola(options)).toEqual(expected)
    await hub.close()
    expect(await readGlueCola(options)).toEqual(expected)
    rmSync(options.cacheDir, { recursive: true })
    await expect(parseGlueParquet(split([['A sentence.', 2]]), 'train.parquet')).rejects.toThrow(
      /train\.parquet, row 1: wrong row, expected a sentence and label 0 or 1/,
    )
  })
  it('refuses a file that is not parquet', async () => {
    await expect(parseGlueParquet(new TextEncoder().encode('<html>'), 'train.parquet')).rejects.toThrow(
      /^train\.parquet: not a parquet file/,
    )
  })
  it.skipIf(!existsSync(shared))('has the rows of the real release', async () => {
    const { in_domain_train, in_domain_dev, out_of_domain_dev } = await readColaFolder(join(shared, 'cola_public'))
    expect(
      [in_domain_train, in_domain_dev, out_of_domain_dev].map((rows) => [
        rows.length,
        rows.filter(({ label }) => label).length,
      ]),
    ).toEqual([
      [8551, 6023],
      [527, 365],
      [516, 354],
    ])
    const { rows, truncated } = encodeRows(await readTokenizer(join(shared, 'gpt2')), in_domain_train, {
      max_length: 1024,
    })
    expect([rows.reduce((sum, row) => sum + row.input_ids.length, 0), truncated]).toEqual([80125, 0])
  })
})

describe('packing', () => {
  const sentences = fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 40,
  })
  it('keeps every token of every sentence in place', () => {
    fc.assert(
      fc.property(sentences, (list) => {
        const { input_ids, position_ids, segment_ids, last_token } = packSentences(list)
        list.forEach((ids, i) => {
          const end = last_token.data[i] as number
          const start = end - ids.length + 1
          expect([...input_ids.data.slice(start, end + 1)]).toEqual(ids)
          expect([...position_ids.data.slice(start, end + 1)]).toEqual(ids.map((_, k) => k))
          expect(new Set(segment_ids.data.slice(start, end + 1)).size).toBe(1)
        })
        expect(segment_ids.data.filter((segment) => segment > 0).length).toBe(list.flat().length)
      }),
    )
  })
  it("needs little padding for lengths like CoLA's", () => {
    const stream = random(1, 'lengths')
    const list = Array.from({ length: 128 }, () =>
      Array.from({ length: 3 + Math.floor(-7 * Math.log(1 - 0.95 * stream.uniform())) }, () => 1),
    )
    expect(packSentences(list).input_ids.data.length / list.flat().length).toBeLessThan(1.05)
  })
  it('predicts the next token within a sentence only', () => {
    const { labels, segment_ids, input_ids } = packForLanguageModel([
      [1, 2, 3],
      [4, 5],
    ])
    const kept = [...labels.data].flatMap((label, i) => (label === -100 ? [] : [[input_ids.data[i], label]]))
    expect(kept).toEqual(
      expect.arrayContaining([
        [1, 2],
        [2, 3],
        [4, 5],
      ]),
    )
    expect(kept.length).toBe(3)
    expect(segment_ids.dims).toEqual(input_ids.dims)
  })
  it('unpads either side', () => {
    expect(unpad([0, 5, 6, 7, 8, 0], [0, 1, 1, 1, 1, 0], [2, 3])).toEqual([
      [5, 6],
      [7, 8],
    ])
  })
  it('refuses sentences without tokens; refuses or counts those that are too long', () => {
    expect(() => packRows([])).toThrow(/no sentences/)
    const tokenizer = { encode: (text: string) => [...text].map(() => 1) }
    expect(encodeRows(tokenizer, [{ text: 'abcdef', label: 1 }], { max_length: 4 })).toEqual({
      rows: [{ input_ids: [1, 1, 1, 1], label: 1 }],
      truncated: 1,
    })
    expect(() => encodeRows(tokenizer, [{ text: 'abcdef', label: 1 }], { max_length: 4, too_long: 'refuse' })).toThrow(
      /row 1.*expected at most 4 tokens, found 6/,
    )
  })
})

describe('generator', () => {
  it('is deterministic, gives pairs, and separates held-out templates', () => {
    const seen = generateSentences({ seed: 3, count: 400, templates: 'seen' })
    expect(generateSentences({ seed: 3, count: 400, templates: 'seen' })).toEqual(seen)
    expect(generateSentences({ seed: 4, count: 400, templates: 'seen' })).not.toEqual(seen)
    expect(seen.filter(({ label }) => label === 1).length).toBe(200)
    expect(new Set(seen.map(({ text }) => text)).size).toBe(400)
    expect(new Set(seen.map(({ phenomenon }) => phenomenon)).size).toBeGreaterThanOrEqual(8)
    const heldOut = generateSentences({ seed: 3, count: 200, templates: 'held-out' })
    const key = ({ phenomenon, template }: (typeof seen)[number]) => `${phenomenon} ${template}`
    const trained = new Set(seen.map(key))
    expect(heldOut.some((row) => trained.has(key(row)))).toBe(false)
  })
})

describe('masks', () => {
  it.each([0.01, 0.05, 0.5, 0.9])('drop an element with probability %d, independent of its neighbours', (p) => {
    const [size, draws] = [10_000, 20]
    const masks = Array.from({ length: draws }, (_, i) => random(1, 'mask', i).mask(size, 1 - p))
    const zeros = masks.reduce((sum, mask) => sum + mask.filter((bit) => bit === 0).length, 0)
    const pairs = masks.reduce((sum, mask) => sum + mask.filter((bit, i) => bit === 0 && mask[i + 1] === 0).length, 0)
    // Five standard deviations of a binomial count; pairs overlap, which at most triples their variance.
    const near = (probability: number, spread: number) =>
      5 * spread * Math.sqrt(size * draws * probability * (1 - probability))
    expect(Math.abs(zeros - p * size * draws)).toBeLessThan(near(p, 1))
    expect(Math.abs(pairs - p * p * size * draws)).toBeLessThan(near(p * p, Math.sqrt(3)))
  })
  it('are a function of the keys, and all ones or zeros for the extreme probabilities', () => {
    expect(random(1, 'a').mask(100, 0.7)).toEqual(random(1, 'a').mask(100, 0.7))
    expect(random(1, 'a').mask(100, 0.7)).not.toEqual(random(1, 'b').mask(100, 0.7))
    expect([...random(1).mask(5, 1)]).toEqual([1, 1, 1, 1, 1])
    expect([...random(1).mask(5, 0)]).toEqual([0, 0, 0, 0, 0])
  })
})
