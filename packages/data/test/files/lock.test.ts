// Locks where files cannot be written, and where the file system has no hard links.

import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { DataError } from '../../src/index.ts'
import { lockFile } from '../../src/files/lock.ts'

const folder = fs.mkdtempSync(join(tmpdir(), 'cola-lock-'))
const path = join(folder, 'run.lock')
afterAll(() => fs.rmSync(folder, { recursive: true }))
afterEach(() => vi.restoreAllMocks())

const failing = (code: string) => () => {
  throw Object.assign(new Error(code), { code })
}

describe('a lock', () => {
  it('leaves no file where the disk is full', () => {
    const { writeFileSync } = fs
    vi.spyOn(fs, 'writeFileSync').mockImplementationOnce((file, _, options) => {
      writeFileSync(file, '', options)
      return failing('ENOSPC')()
    })
    expect(() => lockFile(path)).toThrow(/run\.lock: the lock could not be written, found ENOSPC. Free some space/)
    expect(fs.readdirSync(folder)).toEqual([])
  })

  it.each(['EPERM', 'ENOTSUP'])('is one where there are no hard links (%s)', (code) => {
    vi.spyOn(fs, 'linkSync').mockImplementation(failing(code))
    const lock = lockFile(path)
    expect(() => lockFile(path)).toThrow(DataError)
    expect(fs.readdirSync(folder)).toEqual(['run.lock'])
    lock.release()
    expect(fs.readdirSync(folder)).toEqual([])
    // Of a process that is gone.
    fs.writeFileSync(path, `${2 ** 30} x`)
    lockFile(path).release()
    expect(fs.readdirSync(folder)).toEqual([])
  })
})
