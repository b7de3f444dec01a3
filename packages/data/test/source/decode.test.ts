import { describe, expect, it } from 'vitest'
import { fileIn, storeOf, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { decodeText, parseTable, readRecords, readTable } from '../../src/index.ts'
import { warnings } from '../support/tables.ts'

const tables = temporaryFolders()('tables')

describe('encodings', () => {
  const latin = Uint8Array.from('text,label\ncaf\xe9 \x93oui\x94 5\x80,x\n', (character) => character.charCodeAt(0))
  const utf16 = (text: string) =>
    new Uint8Array(Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)).buffer)
  const swapped = (bytes: Uint8Array) => bytes.map((_, i) => bytes[i ^ 1] as number)

  it('refuses bytes that are not UTF-8, with their line, and reads them by name', async () => {
    await expect(parseTable(latin, 'csv', 'x.csv')).rejects.toThrow(
      /^x\.csv, line 2: not utf-8, expected text in utf-8, found byte 0xe9\..*windows-1252/,
    )
    for (const encoding of ['windows-1252', 'cp1252', 'latin-1'])
      expect((await parseTable(latin, 'csv', 'x', { encoding })).rows).toEqual([{ text: 'café “oui” 5€', label: 0 }])
    await expect(parseTable(latin, 'csv', 'x', { encoding: 'ebcdic' })).rejects.toThrow(
      /option encoding: unknown encoding.*found ebcdic/,
    )
  })
  it('agrees with Python on every byte of windows-1252 that it has', () => {
    const bytes = Uint8Array.from({ length: 255 }, (_, i) => i + 1)
    // bytes(range(0x80, 0xa0)).decode('cp1252', 'replace'), whose five holes are controls in the Encoding Standard.
    expect(decodeText(bytes, { encoding: 'windows-1252' }).slice(0x7f, 0x9f)).toBe(
      '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
        '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178',
    )
    expect(decodeText(bytes.slice(0xa0), { encoding: 'windows-1252' })).toBe(String.fromCharCode(...bytes.slice(0xa0)))
  })
  it('reads UTF-16 by its mark or by name, and explains NULs', () => {
    const text = 'text,label\né🙂,x\n'
    expect(decodeText(utf16(`\uFEFF${text}`))).toBe(text)
    expect(decodeText(swapped(utf16(`\uFEFF${text}`)))).toBe(text)
    expect(decodeText(utf16(text), { encoding: 'utf-16le' })).toBe(text)
    expect(decodeText(swapped(utf16(text)), { encoding: 'utf-16be' })).toBe(text)
    expect(() => decodeText(utf16('text,label\na,x\n'), { where: 'x.csv' })).toThrow(/^x\.csv, line 1: a NUL character/)
    expect(() => decodeText(utf16('a\nb\ud83d,x'), { encoding: 'utf-16le', where: 'x' })).toThrow(
      /^x, line 2: not utf-16le/,
    )
  })
  it('finds the line of an invalid byte anywhere', () => {
    for (const [lines, tail] of [
      [0, [0xc3]],
      [3, [0xff, 0x41]],
      [700, [0xe2, 0x28, 0xa1]],
      [1, [0xed, 0xa0, 0x80]],
    ] as const) {
      const bytes = Uint8Array.from([...new TextEncoder().encode('é日\r\n'.repeat(lines)), 0x41, ...tail])
      expect(() => decodeText(bytes, { where: 'x' })).toThrow(new RegExp(`^x, line ${lines + 1}: not utf-8`))
    }
    expect(() => decodeText(Uint8Array.of(0x41, 0xc3), { where: 'x' })).toThrow(/found byte 0xc3/)
  })
  it('warns of text that was decoded with a wrong encoding before', async () => {
    expect(await warnings(new TextDecoder().decode(latin), 'csv')).toEqual([
      expect.stringMatching(/^x, line 2: U\+FFFD/),
    ])
  })
  it('reads files by their extension, and refuses them by their name', async () => {
    storeOf(tables).write('a.TSV', [latin.map((byte) => (byte === 0x2c ? 9 : byte))])
    const mac = fileIn(tables, 'a.TSV')
    expect((await readTable(mac, { encoding: 'windows-1252' })).rows).toHaveLength(1)
    await expect(readTable(mac)).rejects.toThrow(/a\.TSV, line 2: not utf-8/)
    writeText(tables, 'c.txt', 'text,label\na,x\n')
    await expect(readTable(fileIn(tables, 'c.txt'))).rejects.toThrow(/c\.txt: no column "label".*format: 'csv'/)
    expect((await readTable(fileIn(tables, 'c.txt'), { format: 'csv' })).classes).toEqual(['x'])
  })
  it('reads bytes in the format that is given, and asks for it', async () => {
    const bytes = new TextEncoder().encode('text,label\na,x\n')
    expect((await readTable(bytes, { format: 'csv' })).classes).toEqual(['x'])
    expect(await readRecords(bytes, { format: 'csv' })).toEqual([{ text: 'a', label: 'x' }])
    await expect(readTable(bytes)).rejects.toThrow(/bytes: unknown format, expected csv, tsv.* Give the format/)
  })
})
