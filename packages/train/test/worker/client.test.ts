// The worker is a file of the built package, so this test builds it.

import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../../..')

it('a worker trains to the same bits, and throws the same errors', () => {
  execFileSync('npx', ['nx', 'run', '@cola/train:build'], { cwd: root, stdio: 'pipe' })
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, '../support/worker-script.ts')],
    {
      encoding: 'utf8',
      timeout: 60_000,
    },
  )
  expect(stderr).toBe('')
  // It ended by itself: no worker is left waiting.
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    equal: true,
    typed: true,
    message: expect.stringMatching(/^input "x": missing from the batch/),
    missing: 'FileError',
  })
})
