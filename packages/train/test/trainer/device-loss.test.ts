// A run whose device is lost: the runtime's message, and the checkpoint from which the Trainer continues.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { DeviceLostError, type TrainerOptions } from '../../src/index.ts'
import type { Row } from '../support/tiny.ts'
import { trainTiny } from '../support/train-tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  vi.restoreAllMocks()
})

/** The class of the runtime's sessions, which its type does not show. */
const { prototype } = InferenceSession as unknown as { prototype: InferenceSession }

const message = 'WebGPU device lost (2): A valid external Instance reference no longer exists.'

/** Lets the runtime lose the device in its run number `at` (on the CPU a step is one run), and in those that follow as `times` says. */
function loseDevice(at: number, times = 1): void {
  const run = prototype.run
  let runs = 0
  vi.spyOn(prototype, 'run').mockImplementation(function (this: InferenceSession, ...args: unknown[]) {
    runs++
    if (runs >= at && runs < at + times) return Promise.reject(new Error(message))
    return run.apply(this, args as never)
  })
}

const train = (options: Partial<TrainerOptions<Row>>) => trainTiny('cpu', options)

describe('a lost device', () => {
  it('is survived from the last checkpoint, with the same losses and weights', async () => {
    const expected = await train({})
    loseDevice(6)
    const found = await train({ output_dir: join(folder, 'survives'), save_steps: 2 })
    expect(found.warnings).toEqual([expect.stringMatching(/lost at step 5; .* checkpoint of step 4/)])
    expect(found.losses).toEqual(expected.losses)
    expect(found.weights).toEqual(expected.weights)
  })
  it('is a typed error without a checkpoint, which says what to do', async () => {
    loseDevice(5)
    await expect(train({})).rejects.toThrow(DeviceLostError)
    vi.restoreAllMocks()
    loseDevice(5)
    await expect(train({})).rejects.toThrow(/device "cpu": it was lost during a run.*output_dir and save_steps/s)
  })
  it('ends the run when it is lost again without a step between, with the checkpoint to go on from', async () => {
    loseDevice(6, 100)
    const options = { output_dir: join(folder, 'again'), save_steps: 2 }
    await expect(train(options)).rejects.toThrow(
      /device "cpu": it was lost at step 4 and does not come back.*step 4 is .*again.checkpoint.safetensors. .*resume: true.*"cpu"/,
    )
    vi.restoreAllMocks()
    const { losses } = await train({ ...options, resume: true })
    expect(losses).toEqual((await train({})).losses.slice(4))
  })
  it('does not hide other errors of the runtime', async () => {
    vi.spyOn(prototype, 'run').mockRejectedValue(new Error('bad_alloc'))
    await expect(train({})).rejects.toThrow('bad_alloc')
  })
})
