// What JavaScript and WebGPU hold in Chromium: no bytes of open models, and nothing of a thousand training steps.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'

interface Held {
  /** Bytes. */
  heap: number
  wasm: number
  /** Count of WebGPU's. */
  buffers: number
}

describe.skipIf(!hasChromium)('what is held in Chromium', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/browser-page.ts'), {
      args: ['--js-flags=--expose-gc', '--enable-precise-memory-info'],
    })
  })
  afterAll(() => opened?.close())

  const held = () => opened.page.evaluate<Held>('held()')
  const train = (device: string, steps: number) =>
    opened.page.evaluate<number>(`trainOn(${JSON.stringify(device)}, ${steps})`)

  it('is none of the bytes of an open session on wasm, which has its own copies', async () => {
    const devtools = await opened.page.context().newCDPSession(opened.page)
    const arrays = async () => {
      await devtools.send('HeapProfiler.collectGarbage')
      return (await devtools.send('Runtime.getHeapUsage')).backingStorageSize
    }
    await train('wasm', 1)
    await opened.page.evaluate('endTraining()')
    const before = await arrays()
    await opened.page.evaluate(`trainWide('wasm')`)
    expect((await arrays()) - before).toBeLessThan(2 ** 20)
    await opened.page.evaluate('endTraining()')
  })
  it.each([
    ['wasm', 1000],
    ['webgpu', 1000],
  ])(
    'stays what it was, on %s after %i steps',
    async (device, steps) => {
      // In its first 600 steps V8 keeps 200 kB of compiled code.
      await train(device, 600)
      const before = await held()
      expect(await train(device, steps)).toBeLessThan(1)
      const after = await held()
      // One float32 of a step that stayed would be 4 kB of wasm or heap in a thousand, with its objects far more.
      expect(after.heap - before.heap).toBeLessThan(150_000)
      expect(after.wasm).toBe(before.wasm)
      expect(after.buffers).toBe(before.buffers)
      if (device === 'webgpu') expect(before.buffers).toBeGreaterThan(0)
      else expect(before.wasm).toBeGreaterThan(0)
      await opened.page.evaluate('endTraining()')
    },
    600_000,
  )
})
