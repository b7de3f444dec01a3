// An adapter of PEFT's in a page, as the guide shows it: built by Vite, with the adapter and its base beside the page.

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { executablePath, hasChromium, headless } from '../../../../tools/chromium.ts'
import { serve } from '../../../../tools/pages.ts'
import { root } from '../../../../tools/root.ts'
import { type Classification, fineTune, loadFineTuned } from '../../src/index.ts'
import { buildPage } from '../support/build-page.ts'

const guide = readFileSync(join(root, 'docs/guides/browser.md'), 'utf8')
const sample = [...guide.matchAll(/```js\n([\s\S]*?)```/g)][0]?.[1] ?? ''
/** The sample, and calls whose errors the test reads. */
const pageSource = `console.log = (printed) => Object.assign(globalThis, { printed })
${sample}
globalThis.refusal = (...all) => loadFineTuned(...all).then(() => 'none', ({ message }) => message)
globalThis.loaded = true
`
const model = join(root, 'examples/model')

describe.skipIf(!hasChromium)("an adapter of PEFT's in a page, as the guide shows it", () => {
  const folder = mkdtempSync(join(root, 'node_modules/.cola-peft-page-'))
  const built = join(folder, 'dist')
  let browser: Browser
  let page: Page
  let site: Awaited<ReturnType<typeof serve>>
  let expected: readonly Classification[]
  beforeAll(async () => {
    await buildPage(folder, { 'page.js': pageSource })
    const tuned = await fineTune(model, {
      train: [
        { text: 'where is my parcel', label: 'track' },
        { text: 'I want my money back', label: 'refund' },
      ],
      epochs: 1,
    })
    const adapter = join(built, 'adapter')
    await tuned.save(adapter)
    // What was saved to memory, or a zip, has no path from its folder to the base's.
    const saved = join(built, 'saved')
    cpSync(adapter, saved, { recursive: true })
    const { base, ...others } = JSON.parse(readFileSync(join(saved, 'fine_tuned.json'), 'utf8'))
    writeFileSync(join(saved, 'fine_tuned.json'), JSON.stringify({ ...others, base: { name: base.name } }))
    await tuned.release()
    // PEFT writes neither, and names the folder that the base was in.
    for (const name of ['fine_tuned.json', 'head_config.json']) rmSync(join(adapter, name))
    const config = JSON.parse(readFileSync(join(adapter, 'adapter_config.json'), 'utf8'))
    writeFileSync(
      join(adapter, 'adapter_config.json'),
      JSON.stringify({ ...config, base_model_name_or_path: './gpt2-tiny' }),
    )
    const opened = await loadFineTuned(adapter, { base: model, labels: ['refund', 'track'] })
    expected = await opened.classify(['has it been shipped'])
    await opened.release()
    site = await serve(built)
    browser = await chromium.launch({ executablePath, args: [...headless, '--disable-gpu'] })
    page = await browser.newPage()
    await page.goto(site.address)
    await page.waitForFunction('globalThis.loaded')
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('classifies as in Node', async () => {
    const [answer] = (await page.evaluate('printed')) as [Classification]
    expect(answer.label).toBe(expected[0]?.label)
    expect(answer.probabilities).toBeAllclose(expected[0]?.probabilities as number[], { atol: 1e-4, rtol: 1e-4 })
  })
  it('names the option for a base that was a folder where the adapter was trained', async () => {
    expect(await page.evaluate(`refusal('./adapter', { labels: ['refund', 'track'] })`)).toMatch(
      /adapter_config\.json: the base model is not where it was, expected \.\/gpt2-tiny\. Name it: loadFineTuned/,
    )
    expect(await page.evaluate(`refusal('./saved')`)).toMatch(
      /fine_tuned\.json: the base model is not where it was, expected \/.*model\. Name it: loadFineTuned/,
    )
  })
})
