import { float32, safetensorsChunks } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { fileIn, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { balanced, cachedTeacher, teacherFromFile } from '../../src/index.ts'
import { rowsOf } from '../support/sentences.ts'

const folder = temporaryFolders()
const texts = rowsOf(10, 2).map(({ text }) => text)

describe('logits', () => {
  it('are never kept, nor read, with numbers that no model says', async () => {
    const logits = new Float32Array(20)
    logits[13] = Number.NaN
    const masked = new Float32Array(20)
    masked[4] = masked[5] = Number.NEGATIVE_INFINITY
    const hidden = new Float32Array(20)
    hidden[1] = Number.NEGATIVE_INFINITY
    const splits = { train: logits, dev: masked, 'dev.hidden': hidden }
    storeOf(folder('files')).write(
      'broken.safetensors',
      safetensorsChunks(new Map(Object.entries(splits).map(([name, values]) => [name, float32([10, 2], values)]))),
    )
    const teacher = await teacherFromFile(fileIn(folder('files'), 'broken.safetensors'))
    await expect(teacher.logits({ name: 'train', texts })).rejects.toThrow(
      /broken\.safetensors, tensor "train", row 7: column 1 .* found NaN/,
    )
    await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
      /tensor "dev", row 3: all of its classes are masked/,
    )
    await expect(teacher.hidden?.({ name: 'dev', texts })).rejects.toThrow(/tensor "dev\.hidden", row 1/)
    const cache = folder('broken')
    const asked = cachedTeacher({ logits: async () => logits, fingerprint: () => 'broken' }, { folder: cache })
    await expect(asked.logits({ name: 'train', texts })).rejects.toThrow(/split "train", row 7/)
    expect(storeOf(cache).names()).toEqual([])
    expect(() => balanced([0, 1], 1)).toThrow(/not a share/)
  })
})
