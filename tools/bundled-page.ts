// A TypeScript file in Chromium: esbuild's bundle on a page that is cross-origin isolated, with the runtime's files
// beside it. For tests, and for golden cases on the devices that only a browser has.

import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { build } from 'esbuild'
import { chromium, type Page } from 'playwright-core'
import { contentTypes, executablePath, headless, isolation, softwareGpu } from './chromium.ts'

const runtime = join(import.meta.dirname, '../node_modules/onnxruntime-web/dist')

/** A TypeScript file of this repository, with what it imports, as one module for a browser. */
export async function bundleOf(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['@cola/source'],
    external: ['node:*', '@huggingface/hub'],
  })
  return outputFiles[0]?.text ?? ''
}

export interface BundledPage {
  readonly page: Page
  close(): Promise<void>
}

/**
 * Opens a page that has loaded a file.
 * @param folder What the page may fetch at /files/.
 * @param args Further arguments of Chromium's.
 */
export async function openBundled(
  file: string,
  { folder, args = [] }: { folder?: string; args?: readonly string[] } = {},
): Promise<BundledPage> {
  const bundle = await bundleOf(file)
  const own: Readonly<Record<string, { type: string; body: string }>> = {
    '/': { type: 'text/html', body: '<!doctype html><script type="module" src="/page.js"></script>' },
    '/page.js': { type: 'text/javascript', body: bundle },
  }
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://host')
    const path = decodeURIComponent(pathname)
    const ours = own[path]
    if (ours) return response.writeHead(200, { 'content-type': ours.type, ...isolation }).end(ours.body)
    const place = path.startsWith('/files/')
      ? join(folder ?? runtime, path.slice('/files/'.length))
      : join(runtime, path)
    if (!statSync(place, { throwIfNoEntry: false })?.isFile()) return response.writeHead(404).end()
    const type = contentTypes[extname(place)] ?? 'application/octet-stream'
    return response.writeHead(200, { 'content-type': type, ...isolation }).end(readFileSync(place))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await chromium.launch({ executablePath, args: [...headless, ...softwareGpu, ...args] })
  const close = async () => {
    await browser.close()
    server.close()
  }
  try {
    const page = await browser.newPage()
    const failed = new Promise<never>((_, reject) => page.on('pageerror', reject))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await Promise.race([page.waitForFunction('globalThis.loaded'), failed])
    return { page, close }
  } catch (cause) {
    await close()
    throw cause
  }
}
