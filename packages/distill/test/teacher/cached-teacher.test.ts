import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { cachedTeacher } from '../../src/index.ts'
import { oracle, rowsOf } from '../support/sentences.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-teachers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const texts = rowsOf(10, 2).map(({ text }) => text)

describe('cached teachers', () => {
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
})
