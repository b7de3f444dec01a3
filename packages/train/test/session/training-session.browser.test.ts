// The same training in Chromium, on two threads of wasm and on WebGPU, against the numbers of Node's CPU. The bundle is
// esbuild's, with the runtime's files beside it.

import { existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { build } from 'esbuild'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trainTiny } from '../support/browser-page.ts'

const executablePath = '/usr/bin/chromium'
const runtime = join(import.meta.dirname, '../../../../node_modules/onnxruntime-web/dist')

const args = [
  ...[
    '--headless=new',
    '--no-sandbox',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'],
]

describe.skipIf(!existsSync(executablePath))('in Chromium', () => {
  let server: Server
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [join(import.meta.dirname, '../support/browser-page.ts')],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      conditions: ['@cola/source'],
      external: ['node:*', '@huggingface/hub'],
    })
    const bundle = outputFiles[0]?.text ?? ''
    const types: Record<string, string> = { wasm: 'application/wasm', mjs: 'text/javascript', js: 'text/javascript' }
    server = createServer(({ url = '/' }, response) => {
      response.setHeader('cross-origin-opener-policy', 'same-origin')
      response.setHeader('cross-origin-embedder-policy', 'require-corp')
      if (url === '/')
        return response
          .setHeader('content-type', 'text/html')
          .end('<!doctype html><script type="module" src="/page.js"></script>')
      if (url === '/page.js') return response.setHeader('content-type', 'text/javascript').end(bundle)
      const file = join(runtime, url.slice(1).replaceAll('..', ''))
      if (!existsSync(file)) return response.writeHead(404).end()
      return response
        .setHeader('content-type', types[file.split('.').pop() ?? ''] ?? 'text/plain')
        .end(readFileSync(file))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    browser = await chromium.launch({ executablePath, args })
    page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`)
    await page.waitForFunction('globalThis.trainTiny')
    await page.evaluate('configureRuntime({ numThreads: 2 })')
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })
  it.each(['wasm', 'webgpu'] as const)('trains on %s as Node does on the CPU', async (device) => {
    const losses = (await page.evaluate(`trainTiny(${JSON.stringify(device)})`)) as number[]
    expect(losses).toBeAllclose(await trainTiny('cpu'), { atol: 1e-4, rtol: 1e-4 })
    // The second thread, which runs the runtime's own script.
    expect(page.workers().map((worker) => worker.url())).toContainEqual(
      expect.stringMatching(/ort-wasm-simd-threaded.*\.mjs$/),
    )
  })
  it('multiplies in eight bits on wasm as Node does on the CPU', async () => {
    const losses = (await page.evaluate(`trainTiny('wasm', 'int8')`)) as number[]
    // A value that lies at the border between two codes falls to either side.
    expect(losses).toBeAllclose(await trainTiny('cpu', 'int8'), { atol: 2e-3, rtol: 2e-3 })
  })
})
