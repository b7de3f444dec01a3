// `auto` in a browser that has WebGPU and no adapter for it, as on many servers.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'

describe.skipIf(!hasChromium)('auto in Chromium', () => {
  let opened: BundledPage
  const fetched: string[] = []
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/browser-page.ts'))
    await opened.page.evaluate('GPU.prototype.requestAdapter = async () => null')
    opened.page.on('request', (request) => void fetched.push(request.url()))
  })
  afterAll(() => opened?.close())

  it('takes wasm where WebGPU has no adapter, says so once, and fetches no runtime for WebGPU', async () => {
    expect(await opened.page.evaluate(`openAuto()`)).toEqual({
      device: 'wasm',
      warnings: [expect.stringMatching(/^Device "webgpu" is left alone: .* no adapter/)],
    })
    expect(fetched.filter((url) => /\.wasm$/.test(url))).toEqual([expect.stringMatching(/simd-threaded\.wasm$/)])
  })
  it('says nothing where there is no WebGPU, and fetches nothing for it', async () => {
    await opened.page.evaluate("Object.defineProperty(navigator, 'gpu', { value: undefined })")
    expect(await opened.page.evaluate(`openAuto()`)).toEqual({ device: 'wasm', warnings: [] })
    expect(fetched.filter((url) => /\.wasm$/.test(url))).toHaveLength(1)
  })
})
