import { describe, expect, expectTypeOf, it } from 'vitest'
import { parseRecords, parseTable, readRecords, rowPlace } from '../../src/index.ts'

const lines = (...all: string[]) => `${all.join('\n')}\n`

const conll2003 = lines(
  '-DOCSTART- -X- -X- O',
  '',
  'EU NNP B-NP B-ORG',
  '# # B-NP O',
  '',
  '',
  'Peter NNP B-NP B-PER',
  'Blackburn NNP I-NP I-PER',
)
const conllu = lines(
  '# sent_id = 1',
  '# text = vámonos al mar',
  '1-2\tvámonos\t_\t_\t_\t_\t_\t_\t_\t_',
  '1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_',
  '2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_',
  '2.1\tx\tx\tX\t_\t_\t1\tobj\t_\t_',
  '3\t10 000\t_\tNUM\t_\t_\t1\tobj\t_\t_',
)
const read = (content: string, options = {}, format: 'conll' | 'conllu' = 'conll') =>
  parseRecords(content, format, 'ner.conll', options)

describe('CoNLL files', () => {
  it.each([
    ['the first and the last column', {}, ['B-ORG', 'O'], ['B-PER', 'I-PER']],
    ['columns by number', { words: 0, tags: 1 }, ['NNP', '#'], ['NNP', 'NNP']],
    ['columns by number from the end', { words: -4, tags: -2 }, ['B-NP', 'B-NP'], ['B-NP', 'I-NP']],
  ])('are read by %s', async (_, options, first, second) => {
    const rows = await read(conll2003, options)
    expect(rows).toEqual([
      { words: ['EU', '#'], tags: first },
      { words: ['Peter', 'Blackburn'], tags: second },
    ])
    expectTypeOf(rows).toEqualTypeOf<{ words: string[]; tags: string[] }[]>()
    expect(rowPlace('train', 1, rows[1])).toBe('train, row 2 (ner.conll, line 7)')
  })
  it.each([
    ['tabs', lines('New York\tB', '', 'a\tO'), {}],
    ['Windows lines and several spaces', 'New_York   B \r\n\r\na \t O\r\n', {}],
    ['a delimiter', lines('New York|B', ' ', 'a|O'), { delimiter: '|' }],
    ['a document between sentences', lines('New_York B', '-DOCSTART- O', 'a O'), {}],
    ['names', lines('# global.columns = POS WORD NER', 'X New_York B', '', 'Y a O'), { words: 'WORD', tags: 'NER' }],
  ])('have %s', async (_, content, options) => {
    const rows = await read(content, options)
    expect(rows.map(({ words }) => words.join().replace('_', ' '))).toEqual(['New York', 'a'])
    expect(rows.map(({ tags }) => tags)).toEqual([['B'], ['O']])
  })
  it('are those of Universal Dependencies, without what is no word', async () => {
    const words = ['vamos', 'nos', '10 000']
    expect(await read(conllu, {}, 'conllu')).toEqual([{ words, tags: ['VERB', 'PRON', 'NUM'] }])
    expect(await read(conllu, { words: 'FORM', tags: 7 })).toEqual([{ words, tags: ['root', 'obj', 'obj'] }])
    expect(await read(conllu, { columns: ['words'], words: 1 })).toEqual([{ words }])
  })
  it.each([
    [
      'a 1 O\nb O\n',
      {},
      /^ner\.conll, line 2: another number of columns than in the first line, expected 3, found 2: "b O"/,
    ],
    ['a\tO\n\nb\t\n', {}, /^ner\.conll, line 3: nothing in column 1/],
    ['a\tO\n\tO\n', {}, /line 2: nothing in column 0/],
    [
      conll2003,
      { tags: 4 },
      /no column 4, which the option tags names, .*from 0 to 3, .*found 4 columns without names/,
    ],
    [conll2003, { words: -5 }, /no column -5, which the option words names/],
    [conll2003, { tags: 'NER' }, /no column "NER".*# global\.columns = /],
    [conllu, { tags: 'POS' }, /no column "POS", .*expected ID, FORM, LEMMA/],
    [conll2003, { columns: ['text'] }, /no field "text"/],
    ['-DOCSTART- O\n\n', {}, /no rows/],
    [conll2003, { words: 0.5 }, /parseRecords, option words: .*found 0\.5/],
    [conll2003, { tags: '' }, /parseRecords, option tags/],
  ])('refuse %j with %j', async (content, options, message) => {
    await expect(read(content, options)).rejects.toThrow(message)
  })
  it('are no tables of texts, and other tables have no such options', async () => {
    await expect(parseTable(conll2003, 'conll')).rejects.toThrow(
      /words with tags, and no texts.*readRecords reads them/,
    )
    await expect(parseRecords('a\nb', 'csv', 'x', { words: 0 })).rejects.toThrow(/option words.*It is for CoNLL files/)
    const bytes = await readRecords(new TextEncoder().encode('é O\n'), { format: 'conll', tags: 1 })
    expect(bytes).toEqual([{ words: ['é'], tags: ['O'] }])
    expectTypeOf(() => readRecords('ner.conll')).returns.resolves.toEqualTypeOf<{ words: string[]; tags: string[] }[]>()
  })
})
