// The worker is a file of the built package, so this test builds it.

import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../../..')

describe('a worker in Node', () => {
  let result: { equal: Record<string, boolean>; refused: Record<string, string> }
  beforeAll(() => {
    execFileSync('npx', ['nx', 'run', '@cola/train:build'], { cwd: root, stdio: 'pipe' })
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, '../support/worker-script.ts')],
      { encoding: 'utf8', timeout: 60_000 },
    )
    expect(stderr).toBe('')
    // It ended by itself: no worker is left waiting, of those that started and of those that did not.
    expect(status).toBe(0)
    result = JSON.parse(stdout)
  })

  it('trains to the same bits, from a folder, files, bytes and artifacts', () => {
    expect(result.equal).toEqual({ folder: true, files: true, bytes: true, artifacts: true })
  })
  it.each([
    ['missing', 'FeedError: input "x": missing from the batch'],
    ['unclonable', 'FeedError: runTrainStep: its arguments cannot be sent to the worker'],
    ['busy', 'SessionError: training worker, runTrainStep: runTrainStep is still running, expected one call at a time'],
    ['queuedWhileBusy', 'SessionError: training worker, lazyResetGrad: runTrainStep is still running'],
    ['queued', 'CheckpointError: tensor "w1": missing from the checkpoint'],
    ['released', 'SessionError: training worker, runEvalStep: the session was released'],
    ['queuedReleased', 'SessionError: training worker, seekDropout: the session was released'],
    ['afterRelease', 'SessionError: training worker, getState: the session was released'],
    ['unreadable', 'SessionError: training worker, getState: the worker has ended'],
    ['killed', 'SessionError: training worker: the worker has ended'],
    ['afterKilled', 'SessionError: training worker, runEvalStep: the worker has ended'],
    ['noFolder', 'DataError: '],
    ['noFiles', 'FileError: memory: no files'],
    ['otherFiles', 'FormatError: '],
    ['device', 'DeviceError: option device: no such device'],
    ['seed', 'ConfigError: createTrainingWorker, option seed: not a valid value'],
    ['option', 'ConfigError: createTrainingWorker, option sead: no such option'],
  ])('%s: a typed error at the call', (name, message) => {
    expect(result.refused[name]?.slice(0, message.length)).toBe(message)
  })
})
