// A short run of `npm run kill`.

import { expect, it } from 'vitest'
import { killRuns } from './kill/kill-runs.ts'

it('a run that is killed at random moments and resumed ends with the same weights, bit for bit', async () => {
  const { kills, different } = await killRuns(1, 5)
  expect(different).toEqual([])
  expect(kills).toBeGreaterThan(0)
})
