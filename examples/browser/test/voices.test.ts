// The page of voices in Chromium: trained, switched message by message, stopped, loaded, and as Node answers.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Files, openFiles } from '@cola/data'
import { type Generator, openGenerator } from '@cola/lora'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium } from '../../../tools/chromium.ts'
import { violations } from './axe.ts'
import { watchMainThread } from './main-thread.ts'
import { openSite, type Site } from './site.ts'

const embedded = join(import.meta.dirname, '../../model')
const names = ['gossip', 'doubter', 'asker']
const beginning = 'the old queen'

let site: Site
beforeAll(async () => {
  if (hasChromium) site = await openSite()
})
afterEach(() => site?.closePages())
afterAll(() => site?.close())

async function openVoices(options?: Parameters<Site['newPage']>[0]): Promise<Page> {
  const page = await site.newPage(options)
  await page.goto(`${site.url}voices.html`)
  return page
}

/** Trains the three voices, briefly. */
async function trainVoices(page: Page, epochs = 4): Promise<void> {
  await page.locator('#voices details.settings').evaluate((details: HTMLDetailsElement) => {
    details.open = true
  })
  await page.fill('#epochs', String(epochs))
  await page.click('#train')
  await page.locator('#train-said', { hasText: 'Trained in' }).waitFor()
}

/** The likeliest words: the same in every run. */
async function chooseLikeliest(page: Page): Promise<void> {
  await page.locator('#write-form details').first().locator('summary').click()
  await page.selectOption('#choose', 'likeliest')
}

/** Sends a beginning to a voice. @returns Its answer, when it has ended. */
async function ask(page: Page, voice: string, text = beginning): Promise<Locator> {
  const before = await page.locator('.message').count()
  await page.locator(`#choices label:has(input[value="${voice}"])`).click()
  await page.fill('#beginning', text)
  await page.press('#beginning', 'Enter')
  await expect.poll(() => page.locator('.message').count()).toBe(before + 1)
  const answer = page.locator('.message').first().locator('.answered')
  await expect.poll(() => answer.getAttribute('data-ids')).not.toBeNull()
  return answer
}

const idsOf = async (answer: Locator): Promise<number[]> =>
  JSON.parse((await answer.getAttribute('data-ids')) as string) as number[]

/** Downloads a voice. @returns Path and files of the zip. */
async function downloadedVoice(page: Page, name: string): Promise<{ zip: string; files: Files }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#download-${name}`)])
  const zip = await download.path()
  return { zip, files: await openFiles(new File([readFileSync(zip)], `${name}.zip`)) }
}

/** The token ids that Node gives. */
async function idsInNode(generator: Generator, adapter: string, how: object): Promise<number[]> {
  const ids: number[] = []
  await generator.generate(beginning, { adapter, max_new_tokens: 20, ...how, onToken: (id) => ids.push(id) })
  return ids
}

describe.skipIf(!hasChromium)('the page of voices', () => {
  it('trains three voices that go on as they do in Node, in one session, and never blocks its main thread', async () => {
    const page = await openVoices()
    const problems: string[] = []
    page.on('pageerror', ({ message }) => problems.push(message))
    await page.locator('#model', { hasText: 'parameters' }).waitFor()
    const stopWatch = await watchMainThread(page)
    await trainVoices(page)
    await chooseLikeliest(page)
    const asked: string[] = []
    const first = await ask(page, names[0] as string)
    page.on('request', (request) => asked.push(request.url()))
    const found = [await idsOf(first)]
    for (const name of names.slice(1)) found.push(await idsOf(await ask(page, name)))
    expect(new Set(found.map(String)).size).toBe(3)
    // Nothing is fetched, and no session opened, to go from one voice to another.
    expect(asked).toEqual([])
    expect(await page.locator('#model').textContent()).toContain('opened once')
    await page.selectOption('#choose', 'drawn')
    await page.click('#ask-all')
    const all = page.locator('.message').first().locator('.answered')
    await expect.poll(() => page.locator('.message').first().locator('[data-ids]').count()).toBe(3)
    expect(Math.max(...(await stopWatch()).map(({ processor }) => processor))).toBeLessThanOrEqual(50)
    expect(await all.evaluateAll((list) => list.map((one) => (one as HTMLElement).dataset.voice))).toEqual(names)
    const seed = Number(await all.first().getAttribute('data-seed'))

    const adapters: Record<string, Files> = {}
    for (const name of names) adapters[name] = (await downloadedVoice(page, name)).files
    const node = await openGenerator(embedded, { adapters })
    for (const [i, name] of names.entries()) {
      expect(await idsInNode(node, name, {})).toEqual(found[i])
      const drawn = { do_sample: true, temperature: 0.6, seed }
      expect(await idsInNode(node, name, drawn)).toEqual(await idsOf(all.nth(i)))
    }
    await node.release()
    expect(problems).toEqual([])
  })

  it('writes two messages at once, and stops the one that is told to', async () => {
    const page = await openVoices()
    await trainVoices(page, 1)
    await ask(page, 'gossip')
    // Enough at once that the last is under way when it is stopped: a token takes a millisecond.
    const [written, others] = await page.evaluate(async () => {
      const form = document.querySelector('#write-form') as HTMLFormElement
      for (let i = 0; i < 40; i++) form.requestSubmit()
      const last = document.querySelector('.message') as HTMLElement
      const words = last.querySelector('.words span:last-child') as HTMLElement
      await new Promise<void>((resolve) => new MutationObserver(() => resolve()).observe(words, { childList: true }))
      last.querySelector('button')?.click()
      return [words.textContent, document.querySelectorAll('.answered:not([data-ids])').length]
    })
    expect(written).not.toBe('')
    expect(others).toBeGreaterThan(1)
    await expect.poll(() => page.locator('.answered:not([data-ids])').count()).toBe(0)
    const ends = await page.locator('.end').allTextContents()
    expect(ends[0]).toContain('stopped')
    expect(ends.slice(1).filter((end) => end.includes('stopped'))).toEqual([])
    expect(ends[1]).toMatch(/^\d+ tokens?, \d+ a second/)
    // Each answer is read aloud once, when it has ended.
    expect(await page.locator('#heard p').count()).toBeLessThanOrEqual(20)
    expect(await page.locator('#heard p', { hasText: 'stopped' }).count()).toBeLessThanOrEqual(1)
  })

  it('loads a voice that was downloaded before, and says what is wrong with other files', async () => {
    const page = await openVoices()
    await trainVoices(page, 2)
    await chooseLikeliest(page)
    const asker = await idsOf(await ask(page, 'asker'))
    const { zip } = await downloadedVoice(page, 'asker')
    const curious = { name: 'curious.zip', mimeType: 'application/zip', buffer: readFileSync(zip) }
    await page.setInputFiles('#voice-files', curious)
    await page.locator('#choices label', { hasText: 'curious' }).waitFor()
    expect(await idsOf(await ask(page, 'curious'))).toEqual(asker)
    // The session takes the voice without being opened again.
    expect(await page.locator('#model').textContent()).toContain('opened once')
    await page.reload()
    await page.setInputFiles('#voice-files', curious)
    await page.locator('#choices label', { hasText: 'curious' }).waitFor()
    await chooseLikeliest(page)
    expect(await idsOf(await ask(page, 'curious'))).toEqual(asker)
    await page.setInputFiles('#voice-files', { name: 'a.json', mimeType: 'text/plain', buffer: Buffer.from('{}') })
    await page.locator('#voices-problem .problem').waitFor()
    expect(await page.locator('#voices-problem').textContent()).toContain('These files are no adapter')
    expect(await page.locator('#choices label').count()).toBe(2)
  })

  it('says that a beginning is too long, and what words it does not know', async () => {
    const page = await openVoices()
    await page.locator('#model', { hasText: 'parameters' }).waitFor()
    await page.fill('#beginning', 'the purple horse')
    expect(await page.locator('#spelled').textContent()).toContain('“purple”, “horse”')
    await page.fill('#beginning', 'the old queen and '.repeat(12))
    await page.press('#beginning', 'Enter')
    await page.locator('#write-problem .problem').waitFor()
    expect(await page.locator('#write-problem .notice-title').textContent()).toContain('too long')
    // The page goes on after it.
    expect((await idsOf(await ask(page, ''))).length).toBeGreaterThan(0)
  })

  it.each(['light', 'dark'] as const)('axe finds no violation, %s', async (colorScheme) => {
    const page = await openVoices({ colorScheme })
    expect(await violations(page)).toEqual([])
    await trainVoices(page, 1)
    await page.locator('#voice-list summary').first().click()
    await ask(page, 'doubter')
    await page.click('#ask-all')
    await expect.poll(() => page.locator('.answered:not([data-ids])').count()).toBe(0)
    expect(await violations(page)).toEqual([])
  })

  it.each([320, 390, 820, 1280])('is as wide as its window, %i', async (width) => {
    const page = await openVoices({ viewport: { width, height: 800 } })
    await trainVoices(page, 1)
    await page.click('#ask-all')
    await expect.poll(() => page.locator('.message [data-ids]').count()).toBe(3)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
  })

  it('is worked by keyboard', async () => {
    const page = await openVoices()
    await page.focus('#voices .settings summary')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.type('1')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.locator('#train-said', { hasText: 'Trained in' }).waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('train')
    await page.focus('#choices :checked')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Tab')
    await page.keyboard.type('the girl')
    await page.keyboard.press('Enter')
    await page.locator('.answered[data-ids][data-voice="doubter"]', { hasText: 'the girl' }).waitFor()
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('beginning')
  })
})
