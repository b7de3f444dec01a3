// What is said of a path that is no file, of one below a file, and of what the system refuses.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { DataError, folderFiles, folderStore, openFiles, readTable, sinkOf } from '../../src/index.ts'

const folder = fs.mkdtempSync(join(tmpdir(), 'cola-disk-'))
afterAll(() => fs.rmSync(folder, { recursive: true }))
const [file, table] = [join(folder, 'package.json'), join(folder, 'rows.csv')]
fs.writeFileSync(file, '{}')
fs.mkdirSync(table)
const bytes = [Uint8Array.of(1)]

afterEach(() => {
  vi.restoreAllMocks()
})

/** An error of the system. */
const failing = (code: string) => () => {
  throw Object.assign(new Error(`${code}: refused`), { code })
}

/** What a call says, which throws or rejects. */
const said = async (call: () => unknown): Promise<string> => {
  try {
    await call()
  } catch (error) {
    expect(error).toBeInstanceOf(DataError)
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

describe('a path of the disk', () => {
  it('of a folder where a table is expected is told as one', async () => {
    const message =
      /rows\.csv: the file could not be read, expected a file, found a folder \(EISDIR.*\)\. Give the path of a/
    expect(await said(() => readTable(table))).toMatch(message)
  })

  it('of a file, or below one, where a folder is written is told as one', async () => {
    const message = /expected a folder, found the file [^ ]*package\.json \(E.*\)\. Choose another folder\.$/
    for (const path of [file, join(file, 'below')]) {
      expect(await said(() => sinkOf(path).write('a.txt', bytes))).toMatch(message)
      expect(await said(() => sinkOf(path).append?.('a.txt', Uint8Array.of(1)))).toMatch(message)
      expect(await said(() => folderStore(path).lock?.('run.lock'))).toMatch(message)
      expect(await said(() => folderFiles(path).size('a.txt'))).toMatch(/package\.json/)
    }
    expect(await said(() => folderFiles(file).names())).toMatch(message)
  })

  it('of a file where a folder is opened is told as one', async () => {
    expect(await said(() => openFiles(file))).toMatch(/not a folder, .*found a file\. Give ".*"\.$/)
    expect(await said(() => openFiles(join(file, 'below', 'it')))).toMatch(
      /no such folder\. .*package\.json" is a file\.$/,
    )
  })

  it('that is the name of a folder where a file is written is told as one', async () => {
    expect(await said(() => sinkOf(folder).write('rows.csv', bytes))).toMatch(
      /rows\.csv: .*expected a file, found a folder/,
    )
    expect(fs.readdirSync(folder).sort()).toEqual(['package.json', 'rows.csv'])
  })

  it.each(['file:///tmp/model', 'https://host/model'])('that is the address %s is refused', async (address) => {
    for (const open of [folderFiles, sinkOf, folderStore])
      expect(await said(() => open(address))).toMatch(
        /: an address, expected the path of a folder\. .*fileURLToPath\(url\)/,
      )
  })
})

describe('what the system refuses', () => {
  it.each([
    ['EACCES', /EACCES: refused\. Change the permissions, or choose a folder of your own\.$/],
    ['EROFS', /EROFS: refused\. Choose a folder that can be written\.$/],
    ['ENOSPC', /ENOSPC: refused\. Free some space, or choose a folder that can be written\.$/],
    ['EMFILE', /EMFILE: refused\. Too many files are open: close some, or raise the limit with ulimit -n\.$/],
    ['EIO', /found EIO: refused\.$/],
  ])('says what to do: %s', async (code, message) => {
    vi.spyOn(fs, 'openSync').mockImplementation(failing(code))
    expect(await said(() => sinkOf(folder).write('a.txt', bytes))).toMatch(message)
    expect(await said(() => folderFiles(folder).read('package.json'))).toMatch(message)
  })

  it('is not taken for a name on the hub', async () => {
    vi.spyOn(fs.promises, 'stat').mockImplementation(async () => failing('EACCES')())
    expect(await said(() => openFiles('locked/model', { offline: true }))).toMatch(
      /^locked\/model: .*EACCES.*permissions/,
    )
  })
})
