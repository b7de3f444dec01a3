// The built page, served and opened in Chromium. For tests.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { type InlineConfig, mergeConfig, preview, type PreviewServer } from 'vite'
import { executablePath, headless } from '../../../tools/chromium.ts'
import { waitLimit } from '../../../tools/hang-limit.ts'
import { copySite } from './built-site.ts'

const source = join(import.meta.dirname, '..')

/** Files of the tests that one process runs. */
export const folder = mkdtempSync(join(tmpdir(), 'cola-page-test-'))

export interface Site {
  url: string
  /** The folder that it was built to. */
  dist: string
  /** A page with a storage of its own. */
  newPage: (options?: BrowserContextOptions) => Promise<Page>
  /** Such a page with the site. */
  openPage: (options?: BrowserContextOptions) => Promise<Page>
  closePages: () => Promise<void>
  close: () => Promise<void>
}

/** Builds the site with its standalone part. @returns A folder with a copy of it. */
export async function buildSite(): Promise<string> {
  const dist = mkdtempSync(join(tmpdir(), 'cola-page-'))
  await copySite(dist)
  return dist
}

/** Serves a built site as its configuration says, or with other settings. */
export const serveSite = (dist: string, settings: InlineConfig = {}): Promise<PreviewServer> =>
  preview(
    mergeConfig(
      {
        configFile: join(source, 'vite.config.ts'),
        logLevel: 'error',
        build: { outDir: dist },
        preview: { port: 0, host: '127.0.0.1' },
      },
      settings,
    ),
  )

/**
 * Builds the site with its standalone part, serves it with its headers, and starts a browser.
 * @param args More arguments of Chromium's.
 */
export async function openSite(args: readonly string[] = []): Promise<Site> {
  const dist = await buildSite()
  const server = await serveSite(dist)
  const url = server.resolvedUrls?.local[0] as string
  const browser = await chromium.launch({ executablePath, args: [...headless, ...args] })
  const newPage: Site['newPage'] = async (options) => {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
    context.setDefaultTimeout(waitLimit)
    return context.newPage()
  }
  return {
    url,
    dist,
    newPage,
    openPage: async (options) => {
      const page = await newPage(options)
      await page.goto(url)
      return page
    },
    closePages: async () => {
      for (const context of browser.contexts()) await context.close()
    },
    close: async () => {
      await browser.close()
      await server.close()
      rmSync(dist, { recursive: true })
      rmSync(folder, { recursive: true })
    },
  }
}
