// Teachers: cached, averaged, read from files.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FormatError, float32, safetensorsChunks, tensorOf } from '@cola/graph'
import { writeFileAtomic } from '@cola/train/files'
import { afterAll, describe, expect, it } from 'vitest'
import { averageTeachers, balanced, cachedTeacher, type Teacher, teacherFromFile } from '../../src/index.ts'
import { kinds, oracle, rowsOf } from '../sentences.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-teachers-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('teachers', () => {
  const texts = rowsOf(10, 2).map(({ text }) => text)

  it('are asked once, and again only when something changed', async () => {
    const cache = join(folder, 'cache')
    const { teacher, asked } = oracle()
    const first = await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })
    expect(await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })).toEqual(first)
    expect(asked.length).toBe(1)
    await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts: [...texts].reverse() })
    expect(asked.length).toBe(2)
    const other = oracle(5)
    expect(await cachedTeacher(other.teacher, { folder: cache }).logits({ name: 'train', texts })).not.toEqual(first)
    expect(readdirSync(cache).length).toBe(3)
  })

  it('survive damage, and two that write at once', async () => {
    const cache = join(folder, 'both')
    const [a, b] = [oracle(), oracle()]
    const [x, y] = await Promise.all(
      [a, b].map(({ teacher }) => cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })),
    )
    expect(x).toEqual(y)
    const [file] = readdirSync(cache) as [string]
    expect(readdirSync(cache)).toEqual([file])
    writeFileSync(join(cache, file), readFileSync(join(cache, file)).subarray(0, 40))
    expect(await cachedTeacher(a.teacher, { folder: cache }).logits({ name: 'train', texts })).toEqual(x)
    expect(existsSync(join(cache, file))).toBe(true)
  })

  it('are averaged', async () => {
    const mean = averageTeachers([oracle(1).teacher, oracle(3).teacher])
    expect(await mean.logits({ name: 'train', texts })).toEqual(
      await oracle(2).teacher.logits({ name: 'train', texts }),
    )
    expect(() => averageTeachers([])).toThrow(/there are none/)
  })

  it('are averaged class by class, whatever the order of their classes', async () => {
    const { teacher } = oracle(3)
    const [first, second, third] = kinds as [string, string, string]
    const turned: Teacher = {
      logits: async (split) => {
        const logits = await teacher.logits(split)
        // As a teacher whose classes are the third, the first and the second gives them.
        return logits.map((_, i) => logits[i - (i % 3) + ([2, 0, 1][i % 3] as number)] as number)
      },
      labels: [third, first, second],
    }
    const mean = averageTeachers([teacher, turned])
    expect(mean.labels).toEqual(kinds)
    expect(await mean.logits({ name: 'train', texts })).toEqual(await teacher.logits({ name: 'train', texts }))
    expect(() => averageTeachers([teacher, { ...turned, labels: [third, first, 'other'] }])).toThrow(
      /different classes, expected many, one, thing, found thing, many, other/,
    )
  })

  it('choose sentences of which a share is of a class', () => {
    const logits = [0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0].map(Number)
    expect(balanced(logits, 0.5)).toEqual([0, 1, 2, 4])
    expect(balanced(logits, 0.25)).toEqual([0, 1, 2, 3, 5])
  })

  it('may be a file of logits, whose rows must be those of the data', async () => {
    const path = join(folder, 'logits.safetensors')
    writeFileAtomic(path, safetensorsChunks(new Map([['train', float32([10, 2], new Float32Array(20).fill(0.5))]])))
    const teacher = teacherFromFile(path)
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
      const teacher = teacherFromFile(path)
      expect([...(await teacher.logits({ name: 'train', texts }))]).toEqual(masked)
      await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
        /tensor "dev": not floating point, expected F32, F16, BF16 or F64, found int64/,
      )
    },
  )

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
    const teacher = teacherFromFile(path)
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
