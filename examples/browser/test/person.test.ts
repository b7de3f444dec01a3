// The page as one person uses it from the first row to the student, by keyboard alone; and what it does when storage
// is full in the middle, and with a file that is no adapter.

import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium } from '../../../tools/chromium.ts'
import { violations } from './axe.ts'
import { openSite, type Site } from './site.ts'
import { askedOf, train, trained, trainSample } from './steps.ts'

let site: Site
beforeAll(async () => {
  if (hasChromium) site = await openSite()
})
afterEach(() => site?.closePages())
afterAll(() => site?.close())

/** Rows of three classes, as JSON Lines with a class of their own words each. */
const jsonl = ['the parcel', 'the refund', 'the lamp']
  .flatMap((thing, label) =>
    ['is late', 'is here', 'is gone', 'is lost', 'is new', 'is old'].map((what) =>
      JSON.stringify({ text: `${thing} ${what}`, label: ['question', 'when', 'where'][label] }),
    ),
  )
  .join('\n')

/** Puts the focus on an element that a person can reach by Tab, and presses a key. */
async function pressOn(page: Page, selector: string, key = 'Enter'): Promise<void> {
  const element = page.locator(selector).first()
  await element.waitFor()
  expect(await element.evaluate(({ tabIndex }: HTMLElement) => tabIndex)).toBe(0)
  await element.focus()
  await page.keyboard.press(key)
}

describe.skipIf(!hasChromium)('a person', () => {
  it('goes from rows to a student by keyboard, at every width, and nothing leaves the machine', async () => {
    const page = await site.newPage()
    const asked = new Set<string>()
    page.on('request', (request) => {
      if (!/^(blob|data):/.test(request.url())) asked.add(new URL(request.url()).origin)
    })
    await page.goto(site.url)
    await page.focus('#tab-sample')
    await page.keyboard.press('ArrowRight')
    await page.setInputFiles('#file', { name: 'rows.jsonl', mimeType: 'text/plain', buffer: Buffer.from(jsonl) })
    await page.locator('#table-summary', { hasText: '18 rows, 3 classes' }).waitFor()
    await page.locator('#plan').waitFor({ state: 'visible' })
    expect(await page.locator('#plan-facts').textContent()).toBe(
      'Trained65,920of 892,928 parameters, 7.4%Classes3Steps8Cut rows0none is longer than 32 tokens',
    )
    await pressOn(page, 'details.settings summary')
    await page.fill('#held', '34')
    await page.fill('#epochs', '40')
    await page.fill('#batch', '2')
    await page.keyboard.press('Tab')
    await page.locator('#plan-facts', { hasText: 'Steps240' }).waitFor()
    await pressOn(page, '#train:enabled')
    await page.locator('#train-now', { hasText: /tokens a second, about .* left/ }).waitFor()
    await pressOn(page, '#pause', 'Space')
    await page.locator('#pause', { hasText: 'Go on' }).waitFor()
    expect(await violations(page)).toEqual([])
    await pressOn(page, '#pause', 'Space')
    await trained(page)
    for (const chart of ['#loss-chart', '#score-chart'])
      expect(await page.locator(`${chart} .dot-b`).count()).toBeGreaterThan(1)
    expect(await page.locator('#machine').textContent()).toMatch(/Threads\d+\d+ cores? here/)
    await page.focus('#try-text')
    await page.keyboard.type('the lamp is broken')
    await page.keyboard.press('Enter')
    await page.locator('.tried .side:last-child .chosen').waitFor()
    await pressOn(page, '#matrix button:enabled')
    expect(await page.locator('#cell li').count()).toBeGreaterThan(0)
    await pressOn(page, '#distil-go')
    await page.locator('.compare').waitFor()
    expect(await page.locator('#distil-result .summary').textContent()).toMatch(
      /times smaller, [\d.]+ times (quicker|slower)\./,
    )
    expect(await violations(page)).toEqual([])
    for (const width of [320, 390, 820, 1280]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      // Three classes are seen whole on a phone.
      const matrix = await page.locator('#matrix').evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
      if (width >= 390) expect(matrix).toBe(0)
    }
    expect([...asked]).toEqual([new URL(site.url).origin])
  })

  it('trains on what was typed under three headings', async () => {
    const page = await site.openPage()
    await page.click('#tab-typed')
    await page.click('#add-heading')
    const texts = { yes: 'The girl laughed.', no: 'Laughed girl the.', perhaps: 'Did the girl laugh?' }
    for (const [i, [label, text]] of Object.entries(texts).entries()) {
      await page.locator('.heading input').nth(i).fill(label)
      await page.locator('.heading textarea').nth(i).fill(`${text}\n${text} So.\n${text} Now.\n`)
    }
    await page.locator('#table-summary', { hasText: '9 rows, 3 classes: yes 3, no 3, perhaps 3' }).waitFor()
    await page.locator('#plan').waitFor({ state: 'visible' })
    await train(page, { epochs: 2 })
    await trained(page)
    expect(await askedOf(page, 'Did the boy laugh?')).toHaveLength(3)
  })

  it('whose storage is full in the middle is told so, and trains to the end', async () => {
    const page = await site.openPage()
    const devtools = await page.context().newCDPSession(page)
    await page.click('label:has(#sample-0)')
    await train(page, { epochs: 12 })
    await page.locator('#train-now', { hasText: 'Step' }).waitFor()
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: new URL(site.url).origin, quotaSize: 1 })
    await page.locator('#problem', { hasText: 'no room' }).waitFor()
    await trained(page)
    expect(await askedOf(page, 'Where is the girl?')).toHaveLength(3)
  })

  it('who picks a file that is no adapter is told what one is', async () => {
    const page = await site.openPage()
    await trainSample(page)
    const buffer = Buffer.from('nothing of an adapter')
    await page.setInputFiles('#adapter-files', [
      { name: 'adapter_config.json', mimeType: 'application/json', buffer },
      { name: 'adapter_model.safetensors', mimeType: 'application/octet-stream', buffer },
    ])
    await page.locator('#shelf-problem .problem').waitFor()
    expect(await page.locator('#shelf-problem').textContent()).toContain('adapter_config.json')
    expect(await page.locator('#adapters li').count()).toBe(1)
  })
})
