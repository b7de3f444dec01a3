// A GPU whose process ends while fine-tuned models and generators only answer: they answer as before.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import { tinyEncoder } from '../../../../tools/tiny-encoder.ts'

interface Answers {
  trained: number[][]
  loaded: number[]
  tokens: number[][]
}

describe.skipIf(!hasChromium)('a device that is lost while models only answer', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/lost-device-page.ts'))
    const devtools = await opened.page.context().browser()?.newBrowserCDPSession()
    await opened.page.exposeFunction('crashGpu', () => devtools?.send('Browser.crashGpuProcess'))
  })
  afterAll(() => opened?.close())

  it('is opened again: what was trained, loaded and generates answers as before', async () => {
    const files = Object.entries(tinyEncoder()).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])
    const { before, after, saved } = await opened.page.evaluate<{ before: Answers; after: Answers; saved: boolean }>(
      `answers(${JSON.stringify(Object.fromEntries(files))})`,
    )
    expect(after).toEqual(before)
    expect(before.trained[0]).toEqual(before.trained[1])
    expect(before.loaded).toBeAllclose(before.trained[0] as number[], { atol: 1e-5 })
    expect(saved).toBe(true)
  })
})
