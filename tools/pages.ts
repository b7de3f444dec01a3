// Pages of other people's projects in Chromium. For tests.

import { waitLimit } from './hang-limit.ts'
import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { chromium } from 'playwright-core'
import { contentTypes, executablePath, headless, isolation } from './chromium.ts'
import { root } from './root.ts'

/** Serves a folder, cross-origin isolated, and the embedded model at /model/, as a static host does. */
export async function serve(folder: string): Promise<{ address: string; close: () => void }> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://host')
    const parent = pathname.startsWith('/model/') ? join(root, 'examples') : folder
    const path = join(parent, decodeURIComponent(pathname.replace(/\/$/, '/index.html')))
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end()
    const headers = {
      'content-type': contentTypes[extname(path)] ?? 'application/octet-stream',
      'access-control-allow-origin': '*',
      ...isolation,
    }
    return response.writeHead(200, headers).end(readFileSync(path))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() }
}

/** What a page says at its end. */
export interface Visited {
  /** `done` or `failed`, with what follows. */
  title: string
  /** The text of its #log. */
  log: string
  /** The addresses of the workers that were started, those of workers too. */
  workers: readonly string[]
}

/** Opens a page and waits until its title begins with `done` or `failed`. */
export async function visit(address: string): Promise<Visited> {
  const browser = await chromium.launch({ executablePath, args: headless })
  try {
    const page = await browser.newPage()
    const workers: string[] = []
    page.on('worker', (worker) => workers.push(worker.url()))
    await page.goto(address)
    await page.waitForFunction(() => /^(done|failed)/.test(document.title), undefined, { timeout: waitLimit })
    return { title: await page.title(), log: (await page.textContent('#log')) ?? '', workers }
  } finally {
    await browser.close()
  }
}
