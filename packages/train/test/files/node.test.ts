import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { writeFileAtomic } from '../../src/files/node.ts'
import { FileError } from '../../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('writeFileAtomic', () => {
  it('on a full disk, keeps the old file and leaves no other', ({ skip }) => {
    const disk = mkdtempSync(join(tmpdir(), 'cola-disk-'))
    // A file system of 64 KB, where whoever runs the tests may mount one.
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status !== 0) {
      rmSync(disk, { recursive: true })
      skip('no right to mount a small file system')
    }
    try {
      const path = join(disk, 'checkpoint.safetensors')
      writeFileAtomic(path, new Uint8Array(20_000))
      expect(() => writeFileAtomic(path, new Uint8Array(100_000))).toThrow(/ENOSPC.*Free some space/)
      expect(readdirSync(disk)).toEqual(['checkpoint.safetensors'])
      expect(statSync(path).size).toBe(20_000)
    } finally {
      spawnSync('umount', [disk])
      rmSync(disk, { recursive: true })
    }
  })
  it('writes files completely or not at all', () => {
    const path = join(folder, 'file.bin')
    writeFileAtomic(path, 'old')
    const failing = function* () {
      yield Uint8Array.of(1)
      throw new Error('disk full')
    }
    expect(() => writeFileAtomic(path, failing())).toThrow(FileError)
    expect(readdirSync(folder).filter((name) => name.startsWith('file'))).toEqual(['file.bin'])
    expect(() => writeFileAtomic(join(path, 'below', 'a', 'file'), 'x')).toThrow(/could not be written/)
    expect(existsSync(path)).toBe(true)
  })
})
