// What a person does on the page, in a line each. For tests.

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openFiles } from '@cola/data'
import type { Page } from 'playwright-core'
import { folder } from './site.ts'

/** Waits for the plan of what was chosen, opens the settings and takes a device. */
export async function chooseDevice(page: Page, device: 'auto' | 'wasm' | 'webgpu'): Promise<void> {
  await page.locator('#plan').waitFor({ state: 'visible' })
  await page.locator('details.settings summary').click()
  await page.selectOption('#device', device)
}

/** Waits for the plan of what was chosen, and trains. */
export async function train(page: Page, settings: Readonly<Record<string, number>> = {}): Promise<void> {
  await page.locator('details.settings').evaluate((details: HTMLDetailsElement) => {
    details.open = true
  })
  for (const [id, value] of Object.entries(settings)) {
    await page.fill(`#${id}`, String(value))
    await page.locator(`#${id}`).blur()
  }
  await page.click('#train')
}

/** Waits until a training has ended and the sections after it are there. */
export const trained = (page: Page): Promise<void> => page.locator('#try').waitFor({ state: 'visible' })

/** Trains the first sample on the embedded model. */
export async function trainSample(page: Page): Promise<void> {
  await page.click('label:has(#sample-0)')
  await train(page)
  await trained(page)
}

/** Downloads a form and unpacks it. @returns The folder that was in the zip. */
export async function downloaded(page: Page, kind: string): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#download-${kind}`)])
  const zip = await openFiles(new File([readFileSync(await download.path())], download.suggestedFilename()))
  return folderOf(zip.names().map((name) => [name, zip.read(name)]))
}

/** A new folder with files. */
export function folderOf(files: readonly (readonly [string, Uint8Array])[]): string {
  const to = mkdtempSync(join(folder, 'files-'))
  for (const [name, bytes] of files) {
    mkdirSync(dirname(join(to, name)), { recursive: true })
    writeFileSync(join(to, name), bytes)
  }
  return to
}

/** Picks the files of an adapter's folder, which the page loads. */
export const pickAdapter = (page: Page, adapter: string): Promise<void> =>
  page.setInputFiles(
    '#adapter-files',
    ['adapter_config.json', 'adapter_model.safetensors', 'head_config.json'].map((name) => join(adapter, name)),
  )

/** The step at which a training is. */
export const stepOf = (page: Page): Promise<number> =>
  page.locator('#train-progress').evaluate((bar: HTMLProgressElement) => bar.value)

/** What the browser's storage has of the run that is under way. */
export const keptRun = (page: Page): Promise<Record<string, unknown>> =>
  page.evaluate(async () => {
    const run = await (await navigator.storage.getDirectory()).getDirectoryHandle('run')
    const file = await (await run.getFileHandle('request.json')).getFile()
    return JSON.parse(await file.text())
  })

/** Asks the page a sentence. @returns The logits after the training. */
export async function askedOf(page: Page, text: string): Promise<number[]> {
  const tried = page.locator('.tried')
  const before = await tried.count()
  await page.fill('#try-text', text)
  await page.press('#try-text', 'Enter')
  // The newest is the first.
  await tried.nth(before).waitFor()
  return JSON.parse((await tried.first().locator('.side:last-child .bars').getAttribute('data-logits')) as string)
}

/** Sends what a page asks the hub for to a server of tools/hub-server.ts. @param onRequest Told of each request. */
export async function routeHub(page: Page, endpoint: string, onRequest: () => void = () => {}): Promise<void> {
  await page.route('https://huggingface.co/**', (route) => {
    onRequest()
    const { pathname, search } = new URL(route.request().url())
    // A redirection: a model of 90 MB is too large for the browser's debugging port.
    const headers = { location: `${endpoint}${pathname}${search}`, 'access-control-allow-origin': '*' }
    return route.fulfill({ status: 307, headers })
  })
}
