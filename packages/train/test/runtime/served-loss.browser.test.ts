// A GPU whose process ends while models only answer: they are opened again by the next question.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'

async function openServing(args: readonly string[] = []): Promise<BundledPage> {
  const opened = await openBundled(join(import.meta.dirname, '../support/served-loss-page.ts'), { args })
  const devtools = await opened.page.context().browser()?.newBrowserCDPSession()
  await opened.page.exposeFunction('crashGpu', () => devtools?.send('Browser.crashGpuProcess'))
  return opened
}

describe.skipIf(!hasChromium)('a device that is lost while models only answer, and comes back', () => {
  let opened: BundledPage
  beforeAll(async () => {
    // Chromium refuses a page WebGPU after two losses, and gives up a GPU after a few.
    opened = await openServing(['--disable-domain-blocking-for-3d-apis', '--disable-gpu-process-crash-limit'])
  })
  afterAll(() => opened?.close())

  it('is opened again for all models that were on it, and the runs are repeated', async () => {
    const losses = await opened.page.evaluate<number[]>("answer('webgpu')")
    expect(losses).toEqual(Array(6).fill(losses[0]))
  })
  it('is a typed error where a run reads what was on the device, and the next run has it again', async () => {
    expect(await opened.page.evaluate<string[]>("sums('webgpu')")).toEqual([
      expect.stringMatching(
        /^DeviceLostError: device "webgpu": it was lost during a run, .*\. It is open again: ask again/s,
      ),
      '2,4',
      '2,4',
    ])
  })
})

describe.skipIf(!hasChromium)('a device that does not come back', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openServing()
  })
  afterAll(() => opened?.close())

  it('is a typed error, which says where else the model runs', async () => {
    await expect(opened.page.evaluate("answer('webgpu')")).rejects.toThrow(
      /DeviceLostError: device "webgpu": it was lost during a run and does not come back.* no adapter.*reloaded.*"wasm"/s,
    )
  })
  it('is replaced by another where the device was auto', async () => {
    await opened.page.reload()
    await opened.page.waitForFunction('globalThis.loaded')
    expect(await opened.page.evaluate<string[]>("sums('auto')")).toEqual([
      // Chromium remembers the losses before.
      expect.stringMatching(/"webgpu" is left alone: .* no adapter/),
      'Device "webgpu" does not come back: device "wasm" goes on.',
      '4,8',
      '2,4',
      '2,4',
    ])
  })
})
