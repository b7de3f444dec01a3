import { FormatError, float32, safetensorsChunks, tensorOf } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { fileIn, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { teacherFromFile } from '../../src/index.ts'
import { rowsOf } from '../support/sentences.ts'

const files = temporaryFolders()('files')
const texts = rowsOf(10, 2).map(({ text }) => text)

describe('teachers', () => {
  it('may be a file of logits, whose rows must be those of the data', async () => {
    storeOf(files).write(
      'logits.safetensors',
      safetensorsChunks(new Map([['train', float32([10, 2], new Float32Array(20).fill(0.5))]])),
    )
    const teacher = await teacherFromFile(fileIn(files, 'logits.safetensors'))
    expect((await teacher.logits({ name: 'train', texts })).length).toBe(20)
    await expect(teacher.logits({ name: 'train', texts: texts.slice(1) })).rejects.toThrow(
      /expected \[9, width\], found \[10,2\]/,
    )
    await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(FormatError)
  })

  it.each(['float16', 'bfloat16', 'float64'] as const)(
    'may be a file of logits in %s; whole numbers are none',
    async (dtype) => {
      const masked = [...new Array<number>(19).fill(-0.5), Number.NEGATIVE_INFINITY]
      const splits = {
        train: tensorOf(dtype, [10, 2], masked),
        dev: tensorOf('int64', [10, 2], new Array<number>(20).fill(1)),
      }
      storeOf(files).write(`${dtype}.safetensors`, safetensorsChunks(new Map(Object.entries(splits))))
      const teacher = await teacherFromFile(fileIn(files, `${dtype}.safetensors`))
      expect([...(await teacher.logits({ name: 'train', texts }))]).toEqual(masked)
      await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
        /tensor "dev": not floating point, expected F32, F16, BF16 or F64, found int64/,
      )
    },
  )
})
