import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError, float32, safetensorsChunks, serializeSafetensors, tensorOf } from '@cola/graph'
import { writeFileAtomic } from '@cola/train/files'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EverySource, everySource, fileKinds, sourceKinds } from '../../../../tools/every-source.ts'
import { teacherFromFile } from '../../src/index.ts'
import { rowsOf } from '../support/sentences.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-teachers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const texts = rowsOf(10, 2).map(({ text }) => text)

describe('teachers', () => {
  it('may be a file of logits, whose rows must be those of the data', async () => {
    const path = join(folder, 'logits.safetensors')
    writeFileAtomic(path, safetensorsChunks(new Map([['train', float32([10, 2], new Float32Array(20).fill(0.5))]])))
    const teacher = await teacherFromFile(path)
    expect((await teacher.logits({ name: 'train', texts })).length).toBe(20)
    await expect(teacher.logits({ name: 'train', texts: texts.slice(1) })).rejects.toThrow(
      /expected \[9, width\], found \[10,2\]/,
    )
    await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(FormatError)
  })

  it.each(['float16', 'bfloat16', 'float64'] as const)(
    'may be a file of logits in %s; whole numbers are none',
    async (dtype) => {
      const path = join(folder, `${dtype}.safetensors`)
      const masked = [...new Array<number>(19).fill(-0.5), Number.NEGATIVE_INFINITY]
      const splits = {
        train: tensorOf(dtype, [10, 2], masked),
        dev: tensorOf('int64', [10, 2], new Array<number>(20).fill(1)),
      }
      writeFileAtomic(path, safetensorsChunks(new Map(Object.entries(splits))))
      const teacher = await teacherFromFile(path)
      expect([...(await teacher.logits({ name: 'train', texts }))]).toEqual(masked)
      await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
        /tensor "dev": not floating point, expected F32, F16, BF16 or F64, found int64/,
      )
    },
  )
})

describe('a file of logits is opened from', () => {
  const logits = Float32Array.from({ length: 20 }, (_, i) => i)
  let places: EverySource
  beforeAll(async () => {
    const bytes = serializeSafetensors(new Map([['train', float32([10, 2], logits)]]))
    places = await everySource({ 'a.txt': new Uint8Array(1), 'logits.safetensors': bytes.slice() })
  })
  afterAll(() => places.close())

  // Of a hub and of an address, the names in a folder are not known.
  it.each(sourceKinds.filter((kind) => !['hub', 'address'].includes(kind)))('%s', async (kind) => {
    const teacher = await teacherFromFile(places.source[kind], places.options)
    expect(await teacher.logits({ name: 'train', texts })).toEqual(logits)
  })
  it.each(fileKinds)('itself: %s', async (kind) => {
    const teacher = await teacherFromFile(places.one('logits.safetensors')[kind], places.options)
    expect(await teacher.logits({ name: 'train', texts })).toEqual(logits)
  })
  it.each(['hub', 'address'] as const)('no folder of an unknown file: %s', (kind) =>
    expect(teacherFromFile(places.source[kind], places.options)).rejects.toThrow(/no \.safetensors file.*of the file/),
  )
})
