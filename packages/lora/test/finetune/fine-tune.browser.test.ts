// fineTune in a browser as the README shows it: its worker.js, built by Vite, on 5,000 rows, closed and opened again.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { executablePath, hasChromium, headless } from '../../../../tools/chromium.ts'
import { serve } from '../../../../tools/pages.ts'
import { root } from '../../../../tools/root.ts'
import { buildPage } from '../support/build-page.ts'
import { waitLimit } from '../../../../tools/hang-limit.ts'
import { longestTask } from '../../../train/test/support/longest-task.ts'

const readme = readFileSync(join(root, 'packages/lora/README.md'), 'utf8')
const workerSource = [...readme.matchAll(/```js\n([\s\S]*?)```/g)][0]?.[1] ?? ''

/** The page: sends the rows and keeps what the worker says. */
const pageSource = `
globalThis.told = []
globalThis.start = (message) => {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  worker.onmessage = ({ data }) => globalThis.told.push(data)
  worker.onerror = ({ message }) => globalThis.told.push({ event: 'error', error: { message } })
  worker.postMessage(message)
}
globalThis.ask = (count) => {
  const words = ['parcel', 'order', 'refund', 'money', 'lamp', 'late', 'broken', 'shipped']
  const train = Array.from({ length: count }, (_, i) => ({
    text: Array.from({ length: 6 }, (_, j) => words[(i * 7 + j * (1 + (i % 5))) % 8]).join(' '),
    label: i % 2 ? 'track' : 'refund',
  }))
  globalThis.start({ model: location.origin + '/model/', train, epochs: 1, batch_size: 128, max_length: 16 })
}
`

interface Told {
  event: string
  step?: number
  message?: string
  error?: { message: string }
}

describe.skipIf(!hasChromium)('fineTune in a worker of the page, as the README shows it', () => {
  const folder = mkdtempSync(join(root, 'node_modules/.cola-page-'))
  let browser: Browser
  let context: BrowserContext
  let site: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    await buildPage(folder, { 'worker.js': workerSource, 'page.js': pageSource })
    site = await serve(join(folder, 'dist'))
    browser = await chromium.launch({ executablePath, args: [...headless, '--disable-gpu'] })
  })
  // Each test has a storage of its own.
  beforeEach(async () => {
    context = await browser.newContext()
  })
  afterEach(() => context?.close())
  afterAll(async () => {
    await browser?.close()
    site?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const visit = async (): Promise<Page> => {
    const page = await context.newPage()
    await page.goto(site.address)
    await page.waitForFunction('globalThis.ask')
    return page
  }
  /** What the worker said, when it has said enough or has failed. */
  const told = async (page: Page, enough: string): Promise<Told[]> => {
    await page.waitForFunction(`told.some((one) => one.event === 'error' || (${enough}))`, null, { timeout: waitLimit })
    const all = (await page.evaluate('told')) as Told[]
    expect(all.filter(({ event }) => event === 'error')).toEqual([])
    return all
  }

  it('goes on after the tab was closed, from a checkpoint of at most save_steps steps before', async () => {
    let page = await visit()
    await page.evaluate('ask(3840)')
    const before = await told(page, 'one.step >= 22')
    const closedAt = Math.max(...before.map(({ step = 0 }) => step))
    await page.close()
    page = await visit()
    await page.evaluate('ask(3840)')
    const after = await told(page, `one.event === 'done'`)
    const first = after.find(({ event }) => event === 'step')?.step ?? 0
    expect(first).toBeGreaterThan(20)
    expect(first).toBeGreaterThan(closedAt - 20)
    expect(after.filter(({ event }) => event === 'step').at(-1)?.step).toBe(30)
    await page.close()
  })

  it('never lets the page wait longer than 50 ms', async () => {
    const page = await visit()
    const { result: all, milliseconds } = await longestTask(browser, page, async () => {
      await page.evaluate('ask(5000)')
      return told(page, `one.event === 'done'`)
    })
    expect(all.filter(({ event }) => event === 'step')).toHaveLength(40)
    expect(milliseconds).toBeLessThan(50)
  })
})
