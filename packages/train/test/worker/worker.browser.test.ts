// A training worker in a production build of Vite, in Chromium: with threads, without isolation, and refused.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { contentTypes, executablePath, hasChromium, headless, isolation } from '../../../../tools/chromium.ts'
import { adamw, saveArtifacts } from '../../src/index.ts'
import { longestTask } from '../support/longest-task.ts'
import { artifactsOf } from '../support/tiny.ts'
import type { PageRun } from '../support/worker-page.ts'

/** Headers of the site by the first folder of its address; each serves the same files. */
const sites: Record<string, Record<string, string>> = {
  isolated: isolation,
  plain: {},
  'no-workers': { 'content-security-policy': "worker-src 'none'" },
  'no-wasm': isolation,
}

describe.skipIf(!hasChromium)('a training worker in Chromium, built by Vite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cola-worker-page-'))
  let server: Server
  let origin: string
  let browser: Browser
  let page: Page
  /** The page's workers, and those of its workers: the runtime's threads. */
  let workers: string[]
  beforeAll(async () => {
    await build({
      root: join(import.meta.dirname, '../support'),
      base: './',
      logLevel: 'error',
      resolve: { conditions: ['@cola/source', 'module', 'browser', 'production'] },
      build: {
        outDir: folder,
        emptyOutDir: true,
        target: 'es2022',
        rolldownOptions: { input: join(import.meta.dirname, '../support/worker-page.html') },
      },
    })
    saveArtifacts(join(folder, 'artifacts'), artifactsOf(adamw()))
    server = createServer(({ url = '/' }, response) => {
      const [, site = '', ...rest] = url.split('?')[0]?.split('/') ?? []
      const file = join(folder, ...rest)
      // A single-page app's server answers with its page where a file does not exist.
      const found =
        rest.length > 0 && existsSync(file) && !(site === 'no-wasm' && file.endsWith('.wasm'))
          ? file
          : join(folder, 'worker-page.html')
      response.writeHead(200, { 'content-type': contentTypes[extname(found)] ?? 'text/plain', ...sites[site] })
      response.end(readFileSync(found))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    browser = await chromium.launch({ executablePath, args: [...headless, '--disable-gpu'] })
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
    rmSync(folder, { recursive: true, force: true })
  })
  afterEach(() => page?.close())

  const visit = async (site: string) => {
    page = await browser.newPage()
    workers = []
    page.on('worker', (worker) => workers.push(worker.url()))
    await page.goto(`${origin}/${site}/worker-page.html`)
    await page.waitForFunction('globalThis.trainInWorker')
  }
  const train = async (threads: number | undefined, count: number, epochs: number): Promise<PageRun> =>
    (await page.evaluate(`trainInWorker(${threads}, ${count}, ${epochs})`)) as PageRun
  let losses: number[]

  it('trains on two threads while the page never waits longer than 50 ms', async () => {
    await visit('isolated')
    const { result: run, milliseconds } = await longestTask(browser, page, () => train(2, 5000, 2))
    expect(run.warnings).toEqual([])
    expect(run.losses).toHaveLength(80)
    expect(run.refused).toEqual({
      busy: expect.stringMatching(/^SessionError: training worker, runTrainStep: runTrainStep is still running/),
      unclonable: expect.stringMatching(/^FeedError: runTrainStep: its arguments cannot be sent to the worker/),
      missing: expect.stringMatching(/^FeedError: input "x": missing from the batch/),
      released: expect.stringMatching(/^SessionError: training worker, runTrainStep: the session was released/),
    })
    losses = run.losses
    expect(milliseconds).toBeLessThan(50)
    expect(workers).toHaveLength(2)
  })
  it('trains on one thread in a page that is not isolated, and says so once', async () => {
    await visit('plain')
    const run = await train(undefined, 5000, 2)
    expect(run.warnings).toEqual([expect.stringMatching(/^The page is not cross-origin isolated/)])
    expect(run.losses).toBeAllclose(losses, { atol: 1e-4, rtol: 1e-4 })
    expect(workers).toHaveLength(1)
  })
  it('says it once for all workers of a page, and the page itself', async () => {
    await visit('plain')
    expect(await page.evaluate('warningsOfThree()')).toEqual([expect.stringMatching(/^The page is not cross-origin/)])
  })
  it('keeps the names of error classes when it is minified', async () => {
    await visit('plain')
    expect(await page.evaluate('misnamed()')).toEqual([])
  })
  it.each(['./artifacts', '/plain/artifacts/'])('opens the artifacts at %s, from where the page is', async (path) => {
    await visit('plain')
    const [found, expected] = (await page.evaluate(`evaluateFrom('${path}')`)) as [number, number]
    expect(found).toBe(expected)
  })
  it('is refused by a page whose policy forbids workers', async () => {
    await visit('no-workers')
    expect(await page.evaluate('startRefused()')).toMatch(
      /^DeviceError: createTrainingWorker: the browser did not start the worker/,
    )
  })
  it('names the address of a wasm that is a page', async () => {
    await visit('no-wasm')
    const error = (await page.evaluate('startRefused()')) as string
    expect(error).toMatch(/^DeviceError: http:\/\/127.*\.wasm: the runtime's wasm is not at this address/)
    expect(error).toContain('.wasm: HTML.')
  })
  it('takes the files of the runtime from the folder that the host names', async () => {
    await visit('isolated')
    expect(await page.evaluate(`startRefused('/isolated/nowhere')`)).toContain(
      `${origin}/isolated/nowhere/ort-wasm-simd-threaded.wasm: HTML.`,
    )
  })
})
