// A GPU whose process ends while a page trains: what the browser says then, and the checkpoint from which the Trainer
// continues on the process that follows.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import type { Disturbed } from '../support/device-loss-page.ts'
import type { Run } from '../support/train-tiny.ts'

describe.skipIf(!hasChromium)('the loss of a real device, in Chromium', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/device-loss-page.ts'), {
      // Chromium refuses a page WebGPU after two losses in ten seconds, and gives up a GPU after a few.
      args: ['--disable-domain-blocking-for-3d-apis', '--disable-gpu-process-crash-limit'],
    })
    const devtools = await opened.page.context().browser()?.newBrowserCDPSession()
    await opened.page.exposeFunction('crashGpu', () => devtools?.send('Browser.crashGpuProcess'))
  }, 60_000)
  afterAll(() => opened?.close())

  const train = (disturbed: Disturbed) => opened.page.evaluate<Run>(`train(${JSON.stringify(disturbed)})`)

  it('is survived from the last checkpoint, with the same losses and weights', async () => {
    const { warnings, ...found } = await train({ crashAt: 3, save_steps: 1 })
    // The weights of step 3 were on the device, and its checkpoint was not written.
    expect(warnings).toEqual([expect.stringMatching(/lost at step 3; .* checkpoint of step 2/)])
    expect({ ...found, warnings: [] }).toEqual(await train({}))
  })
  it('in a step without a checkpoint is a typed error, which says what to do', async () => {
    await expect(train({ crashAt: 3 })).rejects.toThrow(
      /DeviceLostError: device "webgpu": it was lost during a run.*output_dir and save_steps/s,
    )
  })
})
