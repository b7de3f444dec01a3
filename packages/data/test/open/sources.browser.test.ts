// Sources in Chromium, in a page and in a worker: a hub that breaks off, lies or is gone, and the browser's storage.

import { createHash } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundleOf } from '../../../../tools/bundled-page.ts'
import { executablePath, hasChromium, headless } from '../../../../tools/chromium.ts'
import { hubServer, type HubServer } from '../../../../tools/hub-server.ts'
import { sha, text } from '../support/hub-files.ts'

// Two segments of the storage and a part of one.
const weights = Uint8Array.from({ length: 20_000_000 }, (_, i) => (i * 7919) >> 5)
const files = { 'config.json': text('{"a":1}'), 'onnx/model.onnx': weights }
const names = Object.keys(files)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const expected = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]))

/** A page that runs functions of browser-sources.ts, itself or in a worker. */
type Run = <Result>(name: string, ...args: unknown[]) => Promise<Result>
declare const sources: typeof import('../support/browser-sources.ts')
type Opened = Awaited<ReturnType<typeof import('../support/browser-sources.ts').open>>

describe.skipIf(!hasChromium)('in Chromium', () => {
  let server: Server
  let origin = ''
  let browser: Browser
  let page: Page
  let hub: HubServer
  /** What was asked of the server's files, and whether it breaks off what is no part. */
  const ranges: (string | undefined)[] = []
  let isBreaking = false
  const answer = (bytes: Uint8Array, range: string | undefined, response: ServerResponse) => {
    ranges.push(range)
    const begin = Number(/\d+/.exec(range ?? '')?.[0] ?? 0)
    response.writeHead(range ? 206 : 200, { 'content-length': bytes.length - begin })
    if (range || !isBreaking || bytes !== weights) return response.end(bytes.subarray(begin))
    response.write(bytes.subarray(0, 12_000_000))
    return setTimeout(() => response.destroy(), 2000)
  }
  beforeAll(async () => {
    const bundle = await bundleOf(join(import.meta.dirname, '../support/browser-sources.ts'))
    server = createServer(({ url = '/', headers }, response) => {
      if (url === '/sources.js') return response.setHeader('content-type', 'text/javascript').end(bundle)
      if (url === '/')
        return response
          .setHeader('content-type', 'text/html')
          .end('<!doctype html><script type="module" src="/sources.js"></script>')
      const bytes = files[url.replace('/models/', '') as keyof typeof files]
      if (bytes) return answer(bytes, headers.range, response.setHeader('last-modified', new Date(0).toUTCString()))
      // As servers of apps do where they have no file.
      response.setHeader('content-type', 'text/html').end('<!doctype html>')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    browser = await chromium.launch({ executablePath, args: headless })
  })
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })
  beforeEach(async () => {
    hub = await hubServer(files, sha)
    page = await (await browser.newContext()).newPage()
    await visit()
  })
  afterEach(async () => {
    await page.context().close()
    await hub.close()
  })
  const visit = async () => {
    await page.goto(origin)
    await page.waitForFunction('globalThis.sources')
  }
  const inPage: Run = (name, ...all) =>
    page.evaluate(([called, rest]) => Reflect.get(sources, called as string)(...(rest as unknown[])), [name, all])
  const inWorker: Run = (name, ...all) =>
    page.evaluate(
      (message) =>
        new Promise((resolve, reject) => {
          const worker = new Worker('/sources.js', { type: 'module' })
          worker.onmessage = ({ data }) => resolve(data)
          worker.onerror = ({ message: text }) => reject(new Error(text))
          worker.postMessage(message)
        }),
      [name, ...all],
    ) as Promise<never>
  /** As bundlers start the worker of a page that is one file. */
  const inBlob: Run = (name, ...all) =>
    page.evaluate(
      ([script, ...message]) =>
        new Promise((resolve, reject) => {
          const blob = new Blob([`import '${script}'`], { type: 'text/javascript' })
          const worker = new Worker(URL.createObjectURL(blob), { type: 'module' })
          worker.onmessage = ({ data }) => resolve(data)
          worker.onerror = ({ message: text }) => reject(new Error(text))
          worker.postMessage(message)
        }),
      [`${origin}/sources.js`, name, ...all],
    ) as Promise<never>
  const resolved = () => hub.requests.filter(({ url }) => url.includes('/resolve/')).length

  describe.each([
    ['a page', inPage],
    ['a worker', inWorker],
  ] as [string, Run][])('%s', (_, run) => {
    const open = (options: object = {}) =>
      run<Opened>('open', 'someone/model', names, { endpoint: hub.endpoint, ...options })

    it('downloads from a hub with progress, once, and has it offline on the next visit', async () => {
      const first = await open()
      expect(first.error).toBeUndefined()
      expect(first.sha256).toEqual(expected)
      expect(first.warnings).toEqual([])
      expect(first.progress.at(-1)).toEqual({ file: 'onnx/model.onnx', loaded: weights.length, total: weights.length })
      expect(first.progress.length).toBeGreaterThan(5)
      expect(resolved()).toBe(2)

      await visit()
      expect((await open()).sha256).toEqual(expected)
      expect(resolved()).toBe(2)
      await hub.close()
      await visit()
      expect((await open({ retries: 0 })).sha256).toEqual(expected)
      const offline = await open({ offline: true })
      expect(offline.sha256).toEqual(expected)
      expect(offline.progress).toEqual([])
      hub = await hubServer(files, sha)
    })

    it('goes on where the last visit broke off', async () => {
      const ranges: (string | undefined)[] = []
      hub.hostile.push(({ url, range }, response) => {
        if (!url.includes('/resolve/') || !url.includes('model.onnx')) return false
        ranges.push(range)
        if (range) return false
        response.setHeader('content-length', weights.length)
        response.write(weights.subarray(0, 12_000_000))
        setTimeout(() => response.destroy(), 2000)
        return true
      })
      expect((await open({ retries: 0 })).error).toMatch(/could not be reached/)
      await visit()
      const again = await open({ retries: 0 })
      expect(again.error).toBeUndefined()
      expect(again.sha256).toEqual(expected)
      expect(ranges.length).toBe(2)
      expect(Number(/\d+/.exec(ranges[1] ?? '')?.[0])).toBeGreaterThanOrEqual(2 ** 23)
    })

    it('refuses other bytes, and keeps none of them', async () => {
      hub.hostile.push(({ url }, response) => {
        if (!url.includes('/resolve/')) return false
        response.end('<html>log in')
        return true
      })
      const { error } = await open({ retries: 0 })
      expect(error).toMatch(/config\.json: not the file that the hub names/)
      const kept = Object.keys(await run<Record<string, number>>('storage'))
      expect(kept.filter((name) => name.includes('/blobs/') || name.includes('/snapshots/'))).toEqual([])
    })

    it('opens an address, and knows a page from a file', async () => {
      expect((await run<Opened>('open', `${origin}/models/`, names)).sha256).toEqual(expected)
      expect((await run<Opened>('open', `${origin}/models`, names, { offline: true })).sha256).toEqual(expected)
      expect((await run<Opened>('open', `${origin}/models/`, ['none.json'])).error).toMatch(
        /models\/none\.json: an HTML page in place of the file/,
      )
    })

    it('goes on at an address where the last visit broke off', async () => {
      isBreaking = true
      const address = `${origin}/models/`
      expect((await run<Opened>('open', address, ['onnx/model.onnx'], { retries: 0 })).error).toMatch(/could not/)
      isBreaking = false
      await visit()
      ranges.length = 0
      const again = await run<Opened>('open', address, ['onnx/model.onnx'], { retries: 0 })
      expect(again.error).toBeUndefined()
      expect(again.sha256).toEqual({ 'onnx/model.onnx': expected['onnx/model.onnx'] })
      expect(ranges.map((range) => range?.replace(/\d+/, 'N'))).toEqual([undefined, 'bytes=N-'])
      expect(Number(/\d+/.exec(ranges[1] ?? '')?.[0])).toBeGreaterThanOrEqual(2 ** 23)
    })

    it.each(['/models', './models/', '../../models'])('opens %s, from where the page is', async (path) => {
      const seen = await run<Opened>('open', path, names)
      expect(seen).toMatchObject({ sha256: expected, where: `${origin}/models/` })
      expect((await run<Opened>('readTable', `${path}/rows.csv`)).error).toMatch(/models\/+rows\.csv: an HTML page/)
    })

    it('names what is no source there', async () => {
      expect((await run<Opened>('open', 'a/models/mine', names)).error).toMatch(
        /no such folder\. Give an address \(\.\/NAME is beside the page\)/,
      )
      await hub.close()
      const { error } = await open({ retries: 0 })
      expect(error).toMatch(
        /Check the network\. If a folder beside the page is meant: its address is "\.\/someone\/model"\.$/,
      )
    })

    it('stores a run in its file system, copies and zips it', async () => {
      expect(await run('stored')).toEqual({ store: 'onetwo', handle: '{}', zip: 'onetwo', copied: 'copied' })
    })
  })

  it('opens a path in a worker made of a blob, from where the site is', async () => {
    expect(await inBlob('open', '/models', names)).toMatchObject({ sha256: expected, where: `${origin}/models/` })
  })

  it('two pages download one file once', async () => {
    const other = await page.context().newPage()
    await other.goto(origin)
    await other.waitForFunction('globalThis.sources')
    const ask = (at: Page): Promise<Opened> =>
      at.evaluate(([endpoint, wanted]) => sources.open('someone/model', wanted, { endpoint }), [
        hub.endpoint,
        names,
      ] as const)
    const [first, second] = await Promise.all([ask(page), ask(other)])
    expect(first.sha256).toEqual(expected)
    expect(second.sha256).toEqual(expected)
    expect(resolved()).toBe(2)
  })

  it('keeps the files of a visit in memory where the storage refuses, and says so', async () => {
    await page.evaluate(() =>
      Object.defineProperty(navigator.storage, 'getDirectory', {
        value: () => Promise.reject(new DOMException('no storage here', 'SecurityError')),
      }),
    )
    const seen = await inPage<Opened>('open', 'someone/model', names, { endpoint: hub.endpoint })
    expect(seen.sha256).toEqual(expected)
    expect(seen.warnings).toEqual(['The browser stores nothing (no storage here): the next visit downloads again.'])
  })

  it('keeps the rest of a file in memory when the storage is full', async () => {
    await page.evaluate(() => {
      const { write } = FileSystemWritableFileStream.prototype
      let room = 9_000_000
      FileSystemWritableFileStream.prototype.write = function (data) {
        room -= (data as Uint8Array).length ?? 0
        return room < 0
          ? Promise.reject(new DOMException('the quota is exceeded', 'QuotaExceededError'))
          : write.call(this, data)
      }
    })
    const seen = await inPage<Opened>('open', 'someone/model', names, { endpoint: hub.endpoint })
    expect(seen.sha256).toEqual(expected)
    expect(seen.warnings).toEqual([
      'The browser stores nothing (the quota is exceeded): the next visit downloads again.',
    ])
    // What was stored is gone on from.
    await visit()
    const again = await inPage<Opened>('open', 'someone/model', names, { endpoint: hub.endpoint })
    expect(again.error).toBeUndefined()
    expect(again.sha256).toEqual(expected)
    expect(again.progress[0]?.loaded).toBeGreaterThan(2 ** 23)
  })
})
