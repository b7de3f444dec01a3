import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { float32, safetensorsChunks } from '@cola/graph'
import { writeFileAtomic } from '@cola/train/files'
import { afterAll, describe, expect, it } from 'vitest'
import { balanced, cachedTeacher, teacherFromFile } from '../../src/index.ts'
import { rowsOf } from '../support/sentences.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-teachers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const texts = rowsOf(10, 2).map(({ text }) => text)

describe('logits', () => {
  it('are never kept, nor read, with numbers that no model says', async () => {
    const path = join(folder, 'broken.safetensors')
    const logits = new Float32Array(20)
    logits[13] = Number.NaN
    const masked = new Float32Array(20)
    masked[4] = masked[5] = Number.NEGATIVE_INFINITY
    const hidden = new Float32Array(20)
    hidden[1] = Number.NEGATIVE_INFINITY
    const splits = { train: logits, dev: masked, 'dev.hidden': hidden }
    writeFileAtomic(
      path,
      safetensorsChunks(new Map(Object.entries(splits).map(([name, values]) => [name, float32([10, 2], values)]))),
    )
    const teacher = await teacherFromFile(path)
    await expect(teacher.logits({ name: 'train', texts })).rejects.toThrow(
      /broken\.safetensors, tensor "train", row 7: column 1 .* found NaN/,
    )
    await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
      /tensor "dev", row 3: all of its classes are masked/,
    )
    await expect(teacher.hidden?.({ name: 'dev', texts })).rejects.toThrow(/tensor "dev\.hidden", row 1/)
    const cache = join(folder, 'broken')
    const asked = cachedTeacher({ logits: async () => logits, fingerprint: () => 'broken' }, { folder: cache })
    await expect(asked.logits({ name: 'train', texts })).rejects.toThrow(/split "train", row 7/)
    expect(existsSync(cache)).toBe(false)
    expect(() => balanced([0, 1], 1)).toThrow(/not a share/)
  })
})
