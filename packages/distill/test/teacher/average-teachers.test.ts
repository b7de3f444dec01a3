import { describe, expect, it } from 'vitest'
import { averageTeachers, type Teacher } from '../../src/index.ts'
import { kinds, oracle, rowsOf } from '../support/sentences.ts'

const texts = rowsOf(10, 2).map(({ text }) => text)

describe('teachers', () => {
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
})
