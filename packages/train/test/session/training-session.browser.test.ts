// The same training in Chromium, on two threads of wasm and on WebGPU, against the numbers of Node's CPU. The bundle is
// esbuild's, with the runtime's files beside it.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import { trainTiny } from '../support/browser-page.ts'

describe.skipIf(!hasChromium)('in Chromium', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/browser-page.ts'))
    await opened.page.evaluate('configureRuntime({ numThreads: 2 })')
  })
  afterAll(() => opened?.close())
  it.each(['wasm', 'webgpu'] as const)('trains on %s as Node does on the CPU', async (device) => {
    const losses = (await opened.page.evaluate(`trainTiny(${JSON.stringify(device)})`)) as number[]
    expect(losses).toBeAllclose(await trainTiny('cpu'), { atol: 1e-4, rtol: 1e-4 })
    // The second thread, which runs the runtime's own script.
    expect(opened.page.workers().map((worker) => worker.url())).toContainEqual(
      expect.stringMatching(/ort-wasm-simd-threaded.*\.mjs$/),
    )
  })
  it('stops a run at a signal that a timer fires, while the runtime computes on the same thread', async () => {
    const { steps, stopped } = (await opened.page.evaluate(`trainUntilAborted('wasm')`)) as {
      steps: number
      stopped: string
    }
    expect(stopped).toBe('aborted')
    expect(steps).toBeLessThan(700)
  })
  it('multiplies in eight bits on wasm as Node does on the CPU', async () => {
    const losses = (await opened.page.evaluate(`trainTiny('wasm', 'int8')`)) as number[]
    // A value that lies at the border between two codes falls to either side.
    expect(losses).toBeAllclose(await trainTiny('cpu', 'int8'), { atol: 2e-3, rtol: 2e-3 })
  })
  it('holds frozen matrices in float16 on wasm as Node does on the CPU', async () => {
    const losses = (await opened.page.evaluate(`trainTiny('wasm', 'float16')`)) as number[]
    expect(losses).toBeAllclose(await trainTiny('cpu', 'float16'), { atol: 1e-4, rtol: 1e-4 })
  })
  it('refuses float16 on an adapter that lacks shader-f16', async () => {
    const lacks = `navigator.gpu.requestAdapter().then(({ features }) => !features.has('shader-f16'))`
    expect(await opened.page.evaluate(lacks)).toBe(true)
    await expect(opened.page.evaluate(`trainTiny('webgpu', 'float16')`)).rejects.toThrow(
      /DeviceError.*"webgpu": it has no float16, .*shader-f16/s,
    )
  })
})
