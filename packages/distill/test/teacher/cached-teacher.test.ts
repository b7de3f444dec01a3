import { describe, expect, it } from 'vitest'
import { storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { cachedTeacher } from '../../src/index.ts'
import { oracle, rowsOf } from '../support/sentences.ts'

const folder = temporaryFolders()
const texts = rowsOf(10, 2).map(({ text }) => text)

describe('cached teachers', () => {
  it('are asked once, and again only when something changed', async () => {
    const cache = folder('cache')
    const { teacher, asked } = oracle()
    const first = await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })
    expect(await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })).toEqual(first)
    expect(asked.length).toBe(1)
    await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts: [...texts].reverse() })
    expect(asked.length).toBe(2)
    const other = oracle(5)
    expect(await cachedTeacher(other.teacher, { folder: cache }).logits({ name: 'train', texts })).not.toEqual(first)
    expect(storeOf(cache).names().length).toBe(3)
  })

  it('survive damage, and two that write at once', async () => {
    const cache = folder('both')
    const [a, b] = [oracle(), oracle()]
    const [x, y] = await Promise.all(
      [a, b].map(({ teacher }) => cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })),
    )
    expect(x).toEqual(y)
    const [file] = storeOf(cache).names() as readonly [string]
    expect(storeOf(cache).names()).toEqual([file])
    storeOf(cache).write(file, [storeOf(cache).read(file).slice(0, 40)])
    expect(await cachedTeacher(a.teacher, { folder: cache }).logits({ name: 'train', texts })).toEqual(x)
    expect(storeOf(cache).has(file)).toBe(true)
  })
})
