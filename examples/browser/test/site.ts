// The built page, served and opened in Chromium. For tests.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build, preview } from 'vite'
import { executablePath, headless } from '../../../tools/chromium.ts'

const folder = join(import.meta.dirname, '..')

export interface Site {
  url: string
  /** The folder that it was built to. */
  dist: string
  browser: Browser
  close: () => Promise<void>
}

/** Builds the site with its standalone part, serves it with its headers, and starts a browser. */
export async function openSite(): Promise<Site> {
  const dist = mkdtempSync(join(tmpdir(), 'cola-page-'))
  await build({ configFile: join(folder, 'standalone.config.ts'), logLevel: 'error' })
  await build({
    configFile: join(folder, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist, emptyOutDir: true },
  })
  const server = await preview({
    configFile: join(folder, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: dist },
    preview: { port: 0, host: '127.0.0.1' },
  })
  const browser = await chromium.launch({ executablePath, args: headless })
  return {
    url: server.resolvedUrls?.local[0] as string,
    dist,
    browser,
    close: async () => {
      await browser.close()
      await server.close()
      rmSync(dist, { recursive: true })
    },
  }
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
export const trained = (page: Page): Promise<void> =>
  page.locator('#try').waitFor({ state: 'visible', timeout: 110_000 })
