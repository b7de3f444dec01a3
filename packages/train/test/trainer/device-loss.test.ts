// A run whose device is lost: the runtime's message, and the checkpoint from which the Trainer continues.

import type { InferenceSession } from 'onnxruntime-node'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { defaultDevice, DeviceLostError, type TrainerOptions } from '../../src/index.ts'
import { loadRuntime } from '../../src/runtime/ort.ts'
import { collate, type Row, rows } from '../support/tiny.ts'
import { trainTiny } from '../support/train-tiny.ts'

const folder = temporaryFolders()
afterEach(() => {
  vi.restoreAllMocks()
})

const device = defaultDevice()
/** The class of the runtime's sessions, which its type does not show. */
const { prototype } = (await loadRuntime(device)).InferenceSession as unknown as { prototype: InferenceSession }

const message = 'WebGPU device lost (2): A valid external Instance reference no longer exists.'

/** Lets the runtime lose the device in some of its runs of a batch, of which a step is one. */
function loseDevices(at: readonly number[]): void {
  const run = prototype.run
  let runs = 0
  vi.spyOn(prototype, 'run').mockImplementation(function (this: InferenceSession, ...args: unknown[]) {
    // A browser's runtime takes the optimizer's step too.
    const isBatch = 'x' in (args[0] as object)
    return isBatch && at.includes(++runs) ? Promise.reject(new Error(message)) : run.apply(this, args as never)
  })
}

/** Lets the runtime lose the device in its run number `at`, and in those that follow as `times` says. */
const loseDevice = (at: number, times = 1): void => loseDevices(Array.from({ length: times }, (_, i) => at + i))

/** Rows of an epoch of eight steps. */
const data = { train: rows(64), collate }

const train = (options: Partial<TrainerOptions<Row>>) => trainTiny(device, options)

describe('a lost device', () => {
  it('is survived from the last checkpoint, with the same losses and weights', async () => {
    const expected = await train({})
    loseDevice(6)
    const found = await train({ output_dir: folder('survives'), save_steps: 2 })
    expect(found.warnings).toEqual([expect.stringMatching(/lost at step 5; .* checkpoint of step 4/)])
    expect(found.losses).toEqual(expected.losses)
    expect(found.weights).toEqual(expected.weights)
  })
  it('is a typed error without a checkpoint, which says what to do', async () => {
    loseDevice(5)
    await expect(train({})).rejects.toThrow(DeviceLostError)
    vi.restoreAllMocks()
    loseDevice(5)
    await expect(train({})).rejects.toThrow(
      RegExp(`device "${device}": it was lost during a run.*output_dir and save_steps`, 's'),
    )
  })
  it('ends the run when nothing is saved yet', async () => {
    loseDevice(2)
    const options = { output_dir: folder('unsaved'), save_steps: 4 }
    const error = await train(options).catch((cause: Error) => cause)
    expect(error).toBeInstanceOf(DeviceLostError)
    expect((error as Error).message).toMatch(/exists\. Nothing was saved yet\. Train again/)
    expect((error as Error).message).not.toMatch(/output_dir/)
  })
  it('goes on when it is lost again after a step, before the step of the loss before', async () => {
    // Lost at step 7, and two steps after the checkpoint of step 4.
    loseDevices([8, 11])
    const found = await train({ output_dir: folder('earlier'), save_steps: 4, data, epochs: 1 })
    expect(found.warnings).toEqual([
      expect.stringMatching(/lost at step 7; .* checkpoint of step 4/),
      expect.stringMatching(/lost at step 6; .* checkpoint of step 4/),
    ])
    vi.restoreAllMocks()
    expect(found.losses).toEqual((await train({ data, epochs: 1 })).losses)
  })
  it('ends the run when it is lost again without a step between, with the checkpoint to go on from', async () => {
    loseDevice(6, 100)
    const options = { output_dir: folder('again'), save_steps: 2 }
    await expect(train(options)).rejects.toThrow(
      RegExp(
        `device "${device}": it came back and was lost again at step 4, found .*exists\\. The checkpoint.*step 4 is ` +
          `.*again.checkpoint.safetensors. .*resume: true.*"${device}"`,
      ),
    )
    vi.restoreAllMocks()
    const { losses } = await train({ ...options, resume: true })
    expect(losses).toEqual((await train({})).losses.slice(4))
  })
  it('ends the run when no try comes to the next checkpoint', async () => {
    loseDevices(Array.from({ length: 20 }, (_, i) => 6 + 2 * i))
    const options = { output_dir: folder('tries'), save_steps: 4, data, epochs: 1 }
    await expect(train(options)).rejects.toThrow(/was lost again at step 5, .*checkpoint of step 4 is/)
  })
  it('is told too when the checkpoint to go on from is not readable', async () => {
    const output_dir = folder('damaged')
    loseDevice(6, 100)
    const damage = () => writeText(output_dir, 'checkpoint.safetensors', 'no checkpoint')
    const onWarning = vi.fn().mockImplementationOnce(damage)
    const error = await train({ output_dir, save_steps: 2, callbacks: { onWarning } }).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(DeviceLostError)
    expect((error as Error).message).toMatch(/lost again at step 4.*checkpoint.*cannot be read.*safetensors/)
    expect((error as Error).cause).toBeInstanceOf(DeviceLostError)
  })
  it('does not hide other errors of the runtime', async () => {
    vi.spyOn(prototype, 'run').mockRejectedValue(new Error('bad_alloc'))
    await expect(train({})).rejects.toThrow('bad_alloc')
  })
})
