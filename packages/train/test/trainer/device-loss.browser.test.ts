// A GPU whose process ends while a page trains: what the browser says then, and the checkpoint from which the Trainer
// continues on the process that follows.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import type { Disturbed } from '../support/device-loss-page.ts'
import type { Run } from '../support/train-tiny.ts'

/** A page that trains, with the test's function that ends the GPU's process. */
async function openTraining(args: readonly string[] = []): Promise<BundledPage> {
  const opened = await openBundled(join(import.meta.dirname, '../support/device-loss-page.ts'), { args })
  const devtools = await opened.page.context().browser()?.newBrowserCDPSession()
  await opened.page.exposeFunction('crashGpu', () => devtools?.send('Browser.crashGpuProcess'))
  return opened
}

const trainIn = ({ page }: BundledPage, disturbed: Disturbed) =>
  page.evaluate<Run>(`train(${JSON.stringify(disturbed)})`)

describe.skipIf(!hasChromium)('the loss of a real device, in Chromium', () => {
  let opened: BundledPage
  beforeAll(async () => {
    // Chromium refuses a page WebGPU after two losses, and gives up a GPU after a few.
    opened = await openTraining(['--disable-domain-blocking-for-3d-apis', '--disable-gpu-process-crash-limit'])
  })
  afterAll(() => opened?.close())

  const train = (disturbed: Disturbed) => trainIn(opened, disturbed)

  it('is survived from the last checkpoint, with the same losses and weights', async () => {
    const { warnings, ...found } = await train({ crashAt: [3], save_steps: 1 })
    // The weights of step 3 were on the device, and its checkpoint was not written.
    expect(warnings).toEqual([expect.stringMatching(/lost at step 3; .* checkpoint of step 2/)])
    expect({ ...found, warnings: [] }).toEqual(await train({}))
  })
  it('in a step without a checkpoint is a typed error, which says what to do', async () => {
    await expect(train({ crashAt: [3] })).rejects.toThrow(
      /DeviceLostError: device "webgpu": it was lost during a run.*output_dir and save_steps/s,
    )
  })
})

describe.skipIf(!hasChromium)('a second loss, after which Chromium refuses the page WebGPU', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openTraining()
  })
  afterAll(() => opened?.close())

  /** Losses as a run on wasm alone has them, to what the devices differ by. */
  const expectLosses = async (found: readonly number[], from = 0) => {
    const { losses } = await trainIn(opened, { device: 'wasm' })
    expect(found).toEqual(losses.slice(from).map((loss) => expect.closeTo(loss, 4)))
  }

  it('is a typed error that names the checkpoint, from which a run on wasm goes on', async () => {
    await expect(trainIn(opened, { crashAt: [3, 5], save_steps: 1 })).rejects.toThrow(
      /DeviceLostError: device "webgpu": it was lost at step 5 .* no adapter.* step 4 is run\/checkpoint.safetensors.*resume: true.*reloaded.*"wasm"/,
    )
    const rest = await trainIn(opened, { device: 'wasm', save_steps: 1, resume: true })
    await expectLosses(rest.losses, 4)
  })
  it('leaves the runtime as it was: the page has WebGPU again after a reload', async () => {
    await expect(trainIn(opened, {})).rejects.toThrow(/no adapter.*reloaded/)
    await expect(trainIn(opened, {})).rejects.toThrow(/no adapter.*reloaded/)
    await opened.page.reload()
    await opened.page.waitForFunction('globalThis.loaded')
    await expectLosses((await trainIn(opened, {})).losses)
  })
  it('is survived on wasm, where the device was auto', async () => {
    const { warnings, losses } = await trainIn(opened, { device: 'auto', crashAt: [3], save_steps: 1 })
    // Chromium remembers the losses before.
    expect(warnings).toEqual([
      expect.stringMatching(/"webgpu" is left alone: .* no adapter/),
      'Device "webgpu" does not come back: device "wasm" goes on.',
      expect.stringMatching(/lost at step 3; .* checkpoint of step 2/),
    ])
    await expectLosses(losses)
  })
})
