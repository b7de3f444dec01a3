// A short run of `npm run soak`.

import { expect, it } from 'vitest'
import { grown, soakSessions, soakSteps } from './soak/soak.ts'

it('steps leave heap, files and handles where they were', async () => {
  expect(grown(await soakSteps(100))).toEqual([])
})

it('sessions that are opened and released leave nothing behind', async () => {
  expect(grown(await soakSessions(10))).toEqual([])
})

it('tells what has grown', () => {
  const before = { heap: 10, rss: 100, files: 20, handles: 1, temporary: 0 }
  expect(grown({ before, after: { ...before, heap: 20, files: 21 } })).toEqual([
    'heap: from 10.0 to 20.0',
    'files: from 20.0 to 21.0',
  ])
  expect(grown({ before, after: before })).toEqual([])
})
