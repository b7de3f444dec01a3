// A training worker in Chromium whose device is chosen by auto, and one whose GPU's process ends while it trains.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, bundleOf, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import type { WorkerRun } from '../support/worker-loss-page.ts'

/** A clock that runs faster and faster while `auto` measures, so that what is measured first, WebGPU, is quicker. */
const fastClock =
  '{ let [time, calls] = [1, 0], now = performance.now.bind(performance);' +
  ' performance.now = () => (calls++ < 500 ? (time *= 3) : now()) }\n'

describe.skipIf(!hasChromium)('a training worker in Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cola-worker-loss-'))
  let opened: BundledPage
  beforeAll(async () => {
    const script = await bundleOf(join(import.meta.dirname, '../../src/worker/main.ts'))
    writeFileSync(join(folder, 'worker.js'), script)
    writeFileSync(join(folder, 'fast.js'), fastClock + script)
    opened = await openBundled(join(import.meta.dirname, '../support/worker-loss-page.ts'), { folder })
    const devtools = await opened.page.context().browser()?.newBrowserCDPSession()
    await opened.page.exposeFunction('crashGpu', () => devtools?.send('Browser.crashGpuProcess'))
  })
  afterAll(async () => {
    await opened?.close()
    rmSync(folder, { recursive: true })
  })

  const train = (...args: [device: string, crashAt: number, script: string]) =>
    opened.page.evaluate<WorkerRun>(`train(...${JSON.stringify(args)})`)
  const closeTo = (losses: readonly number[]) => losses.map((loss) => expect.closeTo(loss, 4))

  it('goes on from its checkpoint when its device is lost, and where auto finds none again, on wasm', async () => {
    const { losses } = await train('wasm', 0, 'worker.js')
    const lost = await train('webgpu', 3, 'worker.js')
    expect(lost.devices).toEqual(['webgpu', 'webgpu'])
    expect(lost.warnings).toEqual([expect.stringMatching(/lost at step 3; .* checkpoint of step 2/)])
    expect(lost.losses).toEqual(closeTo(losses))
    // Chromium refuses a page WebGPU after two losses.
    const replaced = await train('auto', 3, 'fast.js')
    expect(replaced.devices).toEqual(['webgpu', 'wasm'])
    expect(replaced.warnings).toEqual([
      expect.stringMatching(/"webgpu" is left alone: .* no adapter/),
      'Device "webgpu" does not come back: device "wasm" goes on.',
      expect.stringMatching(/lost at step 3; .* checkpoint of step 2/),
    ])
    expect(replaced.losses).toEqual(closeTo(losses))
    const left = await train('auto', 0, 'worker.js')
    expect(left.devices).toEqual(['wasm', 'wasm'])
    expect(left.warnings).toEqual([expect.stringMatching(/"webgpu" is left alone: .* no adapter/)])
  })
})
