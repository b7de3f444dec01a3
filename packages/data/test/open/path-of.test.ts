import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, it, vi } from 'vitest'
import { DataError, openFiles, pathOf, readTable } from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

it('a file: URL stands for its path, of a folder and of a table, as a URL and as text', async () => {
  const folder = join(temporaryFolder(), 'a b%c')
  mkdirSync(folder)
  writeFileSync(join(folder, 'a.csv'), 'text,label\nx,a\ny,b\n')
  const url = pathToFileURL(`${folder}/`)
  const table = await readTable(join(folder, 'a.csv'))
  expect(table.classes).toEqual(['a', 'b'])
  for (const source of [new URL('a.csv', url), new URL('a.csv', url).href])
    expect(await readTable(source)).toEqual(table)
  for (const source of [url, url.href]) expect((await openFiles(source)).names()).toEqual(['a.csv'])
  for (const source of [new URL('b.csv', url), join(folder, 'b.csv')])
    await expect(readTable(source)).rejects.toThrow(/a b%c\/b\.csv: no such file/)
})

it('leaves other sources as they are, and refuses a URL of another machine', () => {
  for (const source of ['a/b', 'file', new URL('https://a.b/c'), {}, Object.create(null), undefined, 5, Symbol('a')])
    expect(pathOf(source)).toBe(source)
  expect(() => pathOf('file://elsewhere/a')).toThrow(DataError)
  expect(() => pathOf('file:///a%2Fb')).toThrow(/^file:\/\/\/a%2Fb: not the URL of a file, found File URL path must/)
})

it.each(['http://', 'https://[', 'https://exa mple.com/a.csv', 'HTTP://a:99999/a.csv'])(
  'names a text that begins as an address and is none: %s',
  async (source) => {
    for (const open of [openFiles, readTable])
      await expect(open(source)).rejects.toThrow(`"${source}": not a valid address`)
  },
)

it('a bare % in an address is a character of the name', async () => {
  vi.stubEnv('XDG_CACHE_HOME', temporaryFolder())
  vi.stubGlobal('fetch', async (url: string) => new Response(`text,label\n${url},a\ny,b\n`))
  const { rows } = await readTable('http://127.0.0.1/rows/100%.csv')
  expect(rows[0]?.text).toBe('http://127.0.0.1/rows/100%25.csv')
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})
