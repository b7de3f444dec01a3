import { describe, expect, it } from 'vitest'
import { fileIn, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { DataError, labelledTable, parseRecords, parseTable, readRecords, readTable } from '../../src/index.ts'

const tables = temporaryFolders()('tables')

it.each([
  ['csv', 'sep=;\ntext;label\na,1;b\n'],
  ['csv', 'SEP=;\r\ntext;label\r\na,1;b\r\n'],
  ['tsv', 'sep=;\ntext;label\na,1;b\n'],
])('the delimiter of Excel’s first line, and lines keep their numbers: %s %j', async (format, content) => {
  expect(await parseRecords(content, format)).toEqual([{ text: 'a,1', label: 'b' }])
  await expect(parseRecords(`${content}c\n`, format, 'x')).rejects.toThrow(/^x, line 4/)
})

it('a delimiter behind each line makes no column', async () => {
  const table = 'text;label;;\na;b;;\nc;d; ;\n'
  const rows = [
    { text: 'a', label: 'b' },
    { text: 'c', label: 'd' },
  ]
  expect(await parseRecords(table, 'csv', 'x', { delimiter: ';' })).toEqual(rows)
  expect(await parseRecords('text,label,\na,b,\nc,d,e\n', 'csv')).toEqual([
    { text: 'a', label: 'b', '': '' },
    { text: 'c', label: 'd', '': 'e' },
  ])
})

describe('a table without the column of texts or of labels names the option, and what there is', () => {
  const refusal = (content: string, format: string, options = {}) =>
    parseTable(content, format, 'x', options).catch(({ message }) => message as string)
  it('in the header of CSV', async () => {
    expect(await refusal('Text,intent\na,b\n', 'csv')).toBe(
      'x, line 1: no column "text", expected a column "text", found "Text", "intent". Did you mean Text? ' +
        'The options text and label name the columns.',
    )
    expect(await refusal('text,intent\na,b\n', 'csv')).toMatch(
      /no column "label".*found "text", "intent"\. The options text and label name the columns\.$/,
    )
    expect(await refusal('text,intent\na,b\n', 'csv', { label: 'intend' })).toMatch(
      /no column "intend".*Did you mean intent\? The options text and label name the columns/,
    )
  })
  it.each([
    ['jsonl', '{"sentence":"a","intent":"b"}\n', 'line 1'],
    ['json', '[{"sentence":"a","intent":"b"}]', 'row 1'],
  ])('in the objects of %s', async (format, content, place) => {
    expect(await refusal(content, format, { label: 'intent' })).toBe(
      `x, ${place}: no field "text", expected a field "text", found "sentence", "intent". ` +
        'The options text and label name the fields.',
    )
  })
  it('and both where both are missing', async () => {
    expect(await refusal('satz;klasse\na;b\n', 'csv', { delimiter: ';' })).toMatch(
      /no column "text".*found "satz", "klasse"\. The options text and label name the columns\.$/,
    )
  })
  it('in one object, of which others have it', async () => {
    expect(await refusal('{"text":"a","label":"b"}\n{"text":"a"}\n', 'jsonl')).toMatch(
      /^x, line 2: no field "label".*found "text"\. Other rows have it: fill it in, or leave the row out; readRecords/,
    )
    await expect(parseRecords('{"a":1}\n{"b":1}\n', 'jsonl', 'x', { columns: ['a'] })).rejects.toThrow(/Other rows/)
  })
  it('in rows that are in memory', () => {
    expect(() => labelledTable([{ sentence: 'a', label: 'b' }])).toThrow(
      /^rows, row 1: no field "text", .*found "sentence", "label"\. The options text and label name the fields/,
    )
    expect(() => labelledTable([{ text: 'a', label: 'b' }, { text: 'a' }])).toThrow(
      /^rows, row 2: .*Other rows have it/,
    )
  })
})

describe('what other libraries call so, and what is in another place, is answered', () => {
  it.each([
    [
      () => parseTable('a', { delimiter: ';' } as never),
      /^format: .*comes second, such as csv; the options come last\.$/,
    ],
    [() => parseTable('a', 'csv', 'x', { sep: ';' } as never), /^parseTable, option sep: .*It is delimiter\.$/],
    [() => readTable('a.csv', { sep: ';' } as never), /^readTable, option sep: .*It is delimiter\.$/],
    [() => parseRecords('a', 'csv', 'x', { sep: ';' } as never), /option sep: .*It is delimiter\.$/],
    [() => readRecords('a.csv', { sep: ';' } as never), /^readRecords, option sep: .*It is delimiter\.$/],
    [
      () => readTable('a.csv', { columns: ['a'] } as never),
      /option columns: .*The options text and label name the columns/,
    ],
    [
      () => parseRecords('a', 'csv', 'x', { text: 'a' } as never),
      /option text: .*It is columns, the names in the file/,
    ],
    [() => readRecords('a.csv', { usecols: ['a'] } as never), /option usecols: .*It is columns, of/],
    [
      () => parseTable('a', 'csv', 'x', { header: false } as never),
      /option header: .*parseRecords\('text,label\\n' \+ content, 'csv'\)\.$/,
    ],
    [() => readRecords('a.csv', { names: ['a'] } as never), /option names: .*The first line names the columns/],
  ])('%s', async (read, message) => {
    await expect(read()).rejects.toThrow(message)
  })
})

describe('one JSON object that is a whole table is refused, with how its rows are written', () => {
  const pandas = '{"text":{"0":"a","1":"b"},"label":{"0":"x","1":"y"}}'
  it.each([
    [() => parseTable(pandas, 'json', 'x'), /^x, line 1: columns in place of rows.*"text", "label".*orient='records'/],
    [() => parseRecords(pandas, 'json', 'x'), /^x, line 1: columns in place of rows/],
    [() => parseTable('{"text":["a","b"],"label":["x","y"]}', 'json', 'x'), /^x, line 1: columns in place of rows/],
    [
      () => parseTable('{"version":1,"data":[{"text":"a","label":"x"}]}', 'json', 'x'),
      /^x, line 1: the rows are in the field "data".*\{ field: "data" \} reads them\. A single row is an array/,
    ],
    [
      () => parseRecords('{"data":[{"a":1}]}', 'json', 'x', { columns: ['a'] }),
      /^x, line 1: the rows are in the field "data"/,
    ],
  ])('%s', async (read, message) => {
    await expect(read()).rejects.toThrow(message)
  })
  it.each(['{"data":[{"a":1}]}', '{"version":"1","data":[{"a":1},{"a":2}]}', '{"sentences":[{"a":1}]}'])(
    'of any columns: %s',
    async (content) => {
      await expect(parseRecords(content, 'json', 'x')).rejects.toThrow(/^x, line 1: the rows are in the field/)
    },
  )
  it('and read from the field that is named, as datasets does', async () => {
    const content = '{"version":1,"data":[{"text":"a","label":"x"},{"text":"b","label":"y"}]}'
    const rows = [
      { text: 'a', label: 'x' },
      { text: 'b', label: 'y' },
    ]
    expect(await parseRecords(content, 'json', 'x', { field: 'data' })).toEqual(rows)
    expect((await parseTable(content, 'json', 'x', { field: 'data' })).classes).toEqual(['x', 'y'])
    expect(await parseRecords('{"data":[{"a":1}]}', 'json', 'x', { field: 'data' })).toEqual([{ a: 1 }])
    const refusals = [
      [content, 'json', 'rows', /^x: no rows in the field "rows", expected \{ "rows": /],
      ['[{"a":1}]', 'json', 'data', /found an array\. Leave out the option field/],
      ['a\n1\n', 'csv', 'data', /^x, option field: .*expected json, found csv\. Leave it out/],
    ] as const
    for (const [table, format, field, message] of refusals)
      await expect(parseRecords(table, format, 'x', { field })).rejects.toThrow(message)
    await expect(
      parseRecords('{"data":[{"a":1},{"b":1}]}', 'json', 'x', { field: 'data', columns: ['a'] }),
    ).rejects.toThrow('x, field "data", row 2')
  })
  it.each([
    [{ words: ['a', 'b'], tags: ['O', 'O'] }],
    [{ messages: [{ role: 'user', content: 'a' }] }],
    [{ text: 'a', spans: [], meta: {} }],
  ])('a single row such as %j is read', async (row) => {
    const columns = Object.keys(row)
    expect(await parseRecords(JSON.stringify(row), 'json', 'x', { columns })).toEqual([row])
    expect(await parseRecords(JSON.stringify(row), 'jsonl')).toEqual([row])
  })
})

describe('a blank text is refused where it is read, as fineTune would', () => {
  it.each([
    ['csv', 'text,label\nfine,a\n"  ",b\n', 'x, line 3'],
    ['jsonl', '{"text":"fine","label":"a"}\n{"text":"\\t","label":"b"}\n', 'x, line 2'],
  ])('of %s', async (format, content, place) => {
    await expect(parseTable(content, format, 'x')).rejects.toThrow(
      `${place}, column "text": not text, expected text, found a blank field. Fill it, or leave the row out: ` +
        'readRecords reads such rows, filter drops them, labelledTable takes the rest.',
    )
  })
})

describe('rows with all their columns', () => {
  const csv = 'Nr.; Kundentext ;Note\n1;"Gut; und ""billig""";4,5\n\n2; Nie wieder. ;1\n'
  const rows = [
    { 'Nr.': '1', Kundentext: 'Gut; und "billig"', Note: '4,5' },
    { 'Nr.': '2', Kundentext: ' Nie wieder. ', Note: '1' },
  ]
  it('of a file with other delimiters and names', async () => {
    writeText(tables, 'Anfragen.CSV', `\uFEFF${csv}`)
    expect(await readRecords(fileIn(tables, 'Anfragen.CSV'), { delimiter: ';' })).toEqual(rows)
    writeText(tables, 'anfragen.txt', csv)
    expect(await readRecords(fileIn(tables, 'anfragen.txt'), { delimiter: ';', format: 'csv' })).toEqual(rows)
  })
  it('of a file with one column, whose name may have a delimiter that is no default', async () => {
    expect(await parseRecords('text\na;b\n', 'csv')).toEqual([{ text: 'a;b' }])
    expect(await parseRecords('a;b\nc\n', 'csv', 'x', { delimiter: ',' })).toEqual([{ 'a;b': 'c' }])
  })
  it('of the columns that are named, each of which must be there', async () => {
    const read = await parseRecords(csv, 'csv', 'x', { delimiter: ';', columns: ['Note', 'Kundentext'] })
    const notes: string[] = read.map(({ Note }) => Note)
    expect(notes).toEqual(['4,5', '1'])
    expect(read[0]).toEqual({ Note: '4,5', Kundentext: 'Gut; und "billig"' })
    writeText(tables, 'named.jsonl', '{"a":1,"b":2}\n{"b":3,"a":4}\n')
    expect(await readRecords(fileIn(tables, 'named.jsonl'), { columns: ['b'] })).toEqual([{ b: 2 }, { b: 3 }])
  })
  it.each([
    [
      'a,Text Body\n1,2\n',
      'text body',
      /^x, line 1: no column "text body", .*found "a", "Text Body". Did you mean Text Body\? The option columns/,
    ],
    ['a,Message\n1,2\n', 'mesage', /^x, line 1: no column "mesage", .*found "a", "Message"\. Did you mean Message\?/],
    [
      'a,b\n1,2\n',
      'team',
      /^x, line 1: no column "team", .*found "a", "b"\. The option columns names each column that is read\.$/,
    ],
  ])('refuses %j without the column %j', async (content, name, message) => {
    await expect(parseRecords(content, 'csv', 'x', { columns: [name] })).rejects.toThrow(message)
  })
  it('of JSON, whatever the values are', async () => {
    const values = [
      { words: ['a', 'b'], tags: ['O', 'B-X'] },
      { text: 'c', spans: [], score: 0.5 },
    ]
    expect(await parseRecords(JSON.stringify(values), 'json')).toEqual(values)
    expect(await parseRecords(values.map((row) => JSON.stringify(row)).join('\n'), 'jsonl')).toEqual(values)
  })
  it.each([
    ['a,b,a\n1,2,3\n', 'csv', /^x, line 1: two columns named "a"/],
    ['a,b\n1,2,3\n', 'csv', /^x, line 2: a row with too many cells/],
    ['a;b\n1,2;3\n', 'csv', /^x, header: a single column, found "a;b"\. Is the delimiter ";"\? Set it as delimiter\.$/],
    ['a;b\n1;2\n', 'csv', /^x, header: a single column.* Is the delimiter ";"\? Set it as delimiter/],
    ['a|b\n1|2\n', 'tsv', /^x, header: a single column.* Is the delimiter "\|"\? Set it as delimiter/],
    ['a;b\n1;"2\n""3"", 4"\n', 'csv', /^x, header: a single column.* Is the delimiter ";"\? Set it as delimiter/],
    ['a;b\n1;2\n"3;4\n', 'csv', /^x, header: a single column.* Is the delimiter ";"\? Set it as delimiter/],
    ['a,b\n', 'csv', /^x: no rows/],
    ['', 'csv', /^x: no rows/],
    ['[1]', 'json', /^x, row 1/],
    ['a', 'xlsx', /^x: unknown format.*Save the spreadsheet as CSV\.$/],
  ])('refuses %j as %s', async (content, format, message) => {
    await expect(parseRecords(content, format, 'x')).rejects.toThrow(DataError)
    await expect(parseRecords(content, format, 'x')).rejects.toThrow(message)
  })
  it('asks for the delimiter where the one that is given makes ragged rows', async () => {
    const ragged = parseRecords('a;b\n1,5;2\n', 'csv', 'x', { delimiter: ',' })
    await expect(ragged).rejects.toThrow(/^x, line 2: a row with too many cells.*Is the delimiter ";"\?/)
  })
  it.each([
    [
      'a,b\n1, 2,3\n',
      'csv',
      {},
      'Write quotes around a cell that holds "," or a newline: "a, b"; or set the file\'s own delimiter.',
    ],
    ['a,b\n1\n2,3\n', 'csv', {}, 'Write quotes around a cell that holds "," or a newline: "a, b"'],
    ['a\tb\n1\t2\t3\n', 'tsv', { quoting: 'minimal' }, 'holds "\\t" or a newline: "a\t b"'],
    ['a,b\n"1,2\n3,4"\n5,6\n', 'csv', {}, "if quotes are text in this file, set quoting: 'none'."],
    ['a,b\n"1,2",3\n', 'csv', { quoting: 'none' }, "needs quotes around it, and quoting: 'minimal'."],
    ['a\tb\n"1\t2"\t3\n', 'tsv', {}, "needs quotes around it, and quoting: 'minimal'."],
  ] as const)('says what helps a row of another length: %j as %s, %j', async (content, format, options, fix) => {
    await expect(parseRecords(content, format, 'x', options)).rejects.toThrow(fix)
  })
  it('two columns of one name are no matter to a table of labels that asks for others', async () => {
    const { rows: labelled } = await parseTable('text,label,n,n\nfine,1,2,3\n', 'csv')
    expect(labelled).toEqual([{ text: 'fine', label: 0 }])
  })
})
