// The page with other models and devices: a folder of a person's, MiniLM, WebGPU.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { float32, readModel, toFloat32, writeModel } from '@cola/graph'
import { loadFineTuned } from '@cola/lora'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, softwareGpu } from '../../../tools/chromium.ts'
import { root } from '../../../tools/root.ts'
import { tinyEncoder } from '../../../tools/tiny-encoder.ts'
import { openSite, type Site } from './site.ts'
import { askedOf, downloaded, folderOf, stepOf, train, trained } from './steps.ts'

const minilm = join(root, '../shared/data/minilm-l6')
const hasMinilm = existsSync(minilm)

let site: Site
beforeAll(async () => {
  if (hasChromium) site = await openSite(softwareGpu)
}, 180_000)
afterEach(() => site?.closePages())
afterAll(() => site?.close())

/** Opens the model of a folder that is picked. */
async function pickModel(page: Page, model: string): Promise<void> {
  await page.click('label:has(#model-folder)')
  await page.setInputFiles('#folder', model)
  await page.click('#open-model')
  await page.locator('#model-summary', { hasText: 'is open: bert' }).waitFor({ timeout: 60_000 })
}

/** Pastes a table of two classes. */
async function pasteTable(page: Page, rowsOfClass: number): Promise<void> {
  const rows = Array.from(
    { length: rowsOfClass },
    (_, i) => `where is parcel ${i},track\nI want ${i} euros back,refund`,
  )
  await page.click('#tab-table')
  await page.fill('#paste', ['text,label', ...rows].join('\n'))
  await page.locator('#table-summary', { hasText: `${2 * rowsOfClass} rows, 2 classes` }).waitFor()
}

describe.skipIf(!hasChromium)('a picked folder', () => {
  it('goes on training after a reload, and is opened again without being picked', async () => {
    const page = await site.openPage()
    await pickModel(page, folderOf(Object.entries(tinyEncoder())))
    await page.click('label:has(#sample-2)')
    // Long epochs: what is said at the start of a run stays until the first one ends.
    await train(page, { epochs: 8, batch: 1 })
    await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThan(15)
    await page.reload()
    await page.locator('#train-said', { hasText: 'Taken up at step' }).waitFor({ timeout: 60_000 })
    await page.click('#stop')
    await trained(page)
    const logits = await askedOf(page, 'The kings slept.')
    await page.reload()
    await page.click('label:has(#model-folder)')
    await page.click('#open-kept')
    await page.locator('#model-summary', { hasText: 'is open: bert' }).waitFor()
    await page.locator('#adapters li').waitFor()
    expect(await page.locator('#adapters h3').allTextContents()).toEqual(['grammar'])
    await page.click('#adapters button')
    expect(await askedOf(page, 'The kings slept.')).toBeAllclose(logits, { atol: 1e-5 })
  })
})

describe.skipIf(!hasChromium)('a folder with the name and the sizes of another', () => {
  it('is copied as well, and does not get the adapters of the other', async () => {
    const files = tinyEncoder()
    const graph = readModel(files['onnx/model.onnx'] as Uint8Array)
    for (const [name, weights] of graph.initializers)
      if (weights.dtype === 'float32')
        graph.initializers.set(
          name,
          float32(
            weights.dims,
            toFloat32(weights).map((weight) => -weight),
          ),
        )
    const other = { ...files, 'onnx/model.onnx': writeModel(graph) }
    expect(other['onnx/model.onnx'].length).toBe(files['onnx/model.onnx']?.length)
    const [first, second] = [files, other].map((content) => {
      const entries = Object.entries(content).map(([name, bytes]) => [`model/${name}`, bytes] as const)
      return join(folderOf(entries), 'model')
    })
    const page = await site.openPage()
    const trainIn = async (folder: string) => {
      await pickModel(page, folder)
      expect(await page.locator('#adapters li').count()).toBe(0)
      await page.click('label:has(#sample-1)')
      await train(page, { epochs: 1 })
      await trained(page)
      return askedOf(page, 'The kings slept.')
    }
    await trainIn(first as string)
    await page.reload()
    const logits = await trainIn(second as string)
    await page.reload()
    await page.click('label:has(#model-folder)')
    await page.click('#open-kept')
    await page.locator('#model-summary', { hasText: 'is open: bert' }).waitFor()
    await page.click('#adapters button')
    expect(await askedOf(page, 'The kings slept.')).toBeAllclose(logits, { atol: 1e-5 })
  })
})

describe.skipIf(!hasChromium || !hasMinilm)('MiniLM', () => {
  it('is trained from its folder, and answers in Node as in the page', async () => {
    const page = await site.openPage()
    await pickModel(page, minilm)
    await pasteTable(page, 10)
    await train(page, { epochs: 1 })
    await trained(page)
    const text = 'has it been sent'
    const logits = await askedOf(page, text)
    const node = await loadFineTuned(await downloaded(page, 'adapter'), { base: minilm })
    expect(await node.logits([text])).toBeAllclose(logits, { atol: 1e-4 })
    await node.release()
  })
})
it.skipIf(hasMinilm)('MiniLM: skipped, its files are not here', () => undefined)

describe.skipIf(!hasChromium)('WebGPU', () => {
  it('trains the embedded model, and answers in Node as in the page', async () => {
    const page = await site.openPage()
    await pasteTable(page, 5)
    await page.locator('#plan').waitFor({ state: 'visible' })
    await page.locator('details.settings summary').click()
    await page.selectOption('#device', 'webgpu')
    await train(page, { epochs: 1, batch: 8 })
    await trained(page)
    expect(await page.locator('#machine').textContent()).toContain('Graphics (WebGPU)')
    const text = 'where is it'
    const logits = await askedOf(page, text)
    const adapter = await downloaded(page, 'adapter')
    const node = await loadFineTuned(adapter, { base: join(root, 'examples/model') })
    expect(await node.logits([text])).toBeAllclose(logits, { atol: 1e-4 })
    await node.release()
  })

  it('that is lost twice ends a run, which the processor and a reloaded page take up at its last checkpoint', async () => {
    const page = await site.openPage()
    const devtools = await page.context().browser()?.newBrowserCDPSession()
    await pasteTable(page, 1)
    await page.locator('#plan').waitFor({ state: 'visible' })
    await page.locator('details.settings summary').click()
    await page.selectOption('#device', 'webgpu')
    await train(page, { epochs: 100, batch: 1, rank: 1 })
    const problem = page.locator('#train-problem .problem')
    await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThan(3)
    await devtools?.send('Browser.crashGpuProcess')
    await page.locator('#plan-notes', { hasText: 'The device was lost' }).waitFor()
    const before = await stepOf(page)
    await expect.poll(() => stepOf(page), { timeout: 60_000 }).toBeGreaterThan(before)
    await devtools?.send('Browser.crashGpuProcess')
    await problem.waitFor()
    expect(await problem.textContent()).toMatch(/graphics device was lost.*Reload the page.*checkpoint of step \d+/)
    await page.selectOption('#device', 'wasm')
    await page.click('#train')
    await page.locator('#train-said', { hasText: /Taken up at step \d+ / }).waitFor()
  })
})
