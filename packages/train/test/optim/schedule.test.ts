import { expect, it } from 'vitest'
import { schedule } from '../../src/index.ts'

it('has the schedules of transformers', () => {
  const values = (name: 'constant' | 'linear' | 'cosine') =>
    [0, 1, 2, 6, 10].map(schedule(name, { total_steps: 10, warmup_steps: 2 }))
  expect(values('constant')).toEqual([0, 0.5, 1, 1, 1])
  expect(values('linear')).toEqual([0, 0.5, 1, 0.5, 0])
  expect(values('cosine')).toBeAllclose([0, 0.5, 1, 0.5, 0])
})
