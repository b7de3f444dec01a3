// A folder at an address, on a server that forgets files, changes them, breaks off and answers with pages.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { DataError, fetchFiles, type HubOptions, openFiles } from '../../src/index.ts'
import { hubServer } from '../../../../tools/hub-server.ts'
import { sha, text } from '../support/hub-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-address-'))
afterAll(() => rmSync(folder, { recursive: true }))

const weights = Uint8Array.from({ length: 2_000_000 }, (_, i) => (i * 31) >> 3)
const files: Record<string, Uint8Array> = {}
let server: Server
let address = ''
let mode: 'files' | 'app' | 'page' | 'break' | 'busy' | 'down' = 'files'
let validator: 'etag' | 'last-modified' | 'none' = 'etag'
const validators = {
  etag: (bytes: Uint8Array) => `${isWeak ? 'W/' : ''}"${bytes.length}-${bytes[0]}"`,
  'last-modified': (bytes: Uint8Array) => new Date(1e12 + 1000 * (bytes[0] ?? 0)).toUTCString(),
}
let hasRanges = true
/** What happens before a range is given. */
let onRange: () => void = () => undefined
let isWeak = false
const requests: { url: string; range: string | undefined }[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = request.url ?? ''
    const { range } = request.headers
    requests.push({ url, range })
    if (mode === 'down') return response.destroy()
    if (range) onRange()
    if (mode === 'busy' && requests.length < 3) return response.writeHead(503, { 'retry-after': '0' }).end()
    const name = decodeURIComponent(new URL(url, 'http://x').pathname.replace('/models/mine/', ''))
    const bytes = files[name]
    if (!bytes && mode === 'app') return response.setHeader('content-type', 'text/html').end('<!doctype html>')
    if (!bytes && mode === 'page') return response.end('\n<html><p>log in')
    if (!bytes) return response.writeHead(404).end()
    if (validator !== 'none') response.setHeader(validator, validators[validator](bytes))
    const begin = hasRanges ? Number(/\d+/.exec(range ?? '')?.[0] ?? 0) : 0
    if (begin > 0)
      response.writeHead(206, {
        'content-range': `bytes ${begin}-${bytes.length - 1}/${bytes.length}`,
        'content-length': bytes.length - begin,
      })
    if (mode === 'break' && begin === 0) {
      response.writeHead(200, { 'content-length': bytes.length })
      response.write(bytes.subarray(0, 500_000))
      return setTimeout(() => response.destroy(), 30)
    }
    response.end(bytes.subarray(begin))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const at = server.address()
  address = `http://127.0.0.1:${typeof at === 'object' ? at?.port : ''}/models/mine`
})
afterAll(() => server.close())

let cacheDir = ''
let count = 0
beforeEach(() => {
  vi.stubEnv('HOME', folder)
  cacheDir = join(folder, `cache-${++count}`)
  mode = 'files'
  validator = 'etag'
  hasRanges = true
  onRange = () => undefined
  isWeak = false
  requests.length = 0
  for (const name of Object.keys(files)) delete files[name]
  Object.assign(files, { 'config.json': text('{"a":1}'), 'onnx/model.onnx': weights, 'a b.txt': text('space') })
})
const open = (names: string[], more: HubOptions & { source?: string | URL } = {}) => {
  const { source = address, ...options } = more
  return openFiles(source, { files: names, cacheDir, ...options })
}

describe('files at an address', () => {
  it.each([() => address, () => `${address}/`, () => new URL(address)])('are below it', async (source) => {
    const opened = await open(['config.json', 'onnx/model.onnx', 'a b.txt'], { source: source() })
    expect(opened.where).toBe(`${address}/`)
    expect(Buffer.from(opened.read('onnx/model.onnx')).equals(weights)).toBe(true)
    expect(Buffer.from(opened.read('a b.txt')).toString()).toBe('space')
    await fetchFiles(opened, [{ path: 'missing.json', optional: true }])
    expect(opened.has('missing.json')).toBe(false)
  })

  it('are downloaded once, and anew when they changed', async () => {
    await open(['config.json', 'onnx/model.onnx'])
    expect((await open(['config.json'])).read('config.json')).toEqual(text('{"a":1}'))
    files['config.json'] = text('{"a":22}')
    expect((await open(['config.json'])).read('config.json')).toEqual(text('{"a":22}'))
    validator = 'none'
    files['config.json'] = text('{"a":33}')
    expect((await open(['config.json'])).read('config.json')).toEqual(text('{"a":33}'))
  })

  it('are there offline and when the server is down', async () => {
    await open(['config.json'])
    mode = 'down'
    expect((await open(['config.json'])).read('config.json')).toEqual(text('{"a":1}'))
    await expect(open(['onnx/model.onnx'])).rejects.toThrow(/models\/mine\/onnx\/model\.onnx: the hub could not|server/)
    requests.length = 0
    expect((await open(['config.json'], { offline: true })).read('config.json')).toEqual(text('{"a":1}'))
    await expect(open(['onnx/model.onnx'], { offline: true })).rejects.toThrow(/forbids requests/)
    expect(requests).toEqual([])
  })

  it('go on where they broke off, with progress', async () => {
    mode = 'break'
    const loaded: number[] = []
    const opened = await open(['onnx/model.onnx'], {
      onProgress: ({ file, loaded: bytes, total }) => {
        expect([file, total]).toEqual(['onnx/model.onnx', weights.length])
        loaded.push(bytes)
      },
    })
    expect(Buffer.from(opened.read('onnx/model.onnx')).equals(weights)).toBe(true)
    expect(requests.map(({ range }) => range?.replace(/\d+/, 'N'))).toEqual([undefined, 'bytes=N-'])
    expect(loaded.at(-1)).toBe(weights.length)
  })

  describe('that a visit broke off', () => {
    /** A visit that ends after half a megabyte, or soon after it. @returns The range of what it left. */
    const leave = async () => {
      mode = 'break'
      const visit = new AbortController()
      let came = 0
      const onProgress = ({ loaded }: { loaded: number }) => {
        came = loaded
        if (loaded >= 500_000) visit.abort()
      }
      await expect(open(['onnx/model.onnx'], { signal: visit.signal, onProgress })).rejects.toThrow()
      expect(came).toBeGreaterThanOrEqual(500_000)
      expect(came).toBeLessThan(weights.length)
      mode = 'files'
      requests.length = 0
      return `bytes=${came}-`
    }
    const whole = async (): Promise<boolean> => {
      const opened = await open(['onnx/model.onnx'])
      return Buffer.compare(opened.read('onnx/model.onnx'), files['onnx/model.onnx'] as Uint8Array) === 0
    }
    const ranges = () => requests.map(({ range }) => range)

    it.each(['etag', 'last-modified'] as const)('go on in the next one, by %s', async (name) => {
      validator = name
      const rest = await leave()
      expect(await whole()).toBe(true)
      expect(ranges()).toEqual([undefined, rest])
    })
    it('begin anew where the file has changed', async () => {
      await leave()
      files['onnx/model.onnx'] = weights.map((value) => value ^ 1)
      expect(await whole()).toBe(true)
      expect(ranges()).toEqual([undefined])
    })
    it('begin anew where the file changes in between', async () => {
      const rest = await leave()
      onRange = () => {
        files['onnx/model.onnx'] = weights.map((value) => value ^ 1)
      }
      expect(await whole()).toBe(true)
      expect(ranges()).toEqual([undefined, rest, undefined])
    })
    it.each(['none', 'weak'] as const)('begin anew where nothing tells whether it has changed: %s', async (name) => {
      isWeak = name === 'weak'
      if (name === 'none') validator = name
      await leave()
      expect(await whole()).toBe(true)
      expect(ranges()).toEqual([undefined])
    })
    it('begin anew from a server that gives no ranges', async () => {
      const rest = await leave()
      hasRanges = false
      expect(await whole()).toBe(true)
      expect(ranges()).toEqual([undefined, rest])
    })

    const headers = (bytes: Uint8Array) => ({ etag: validators.etag(bytes) })
    /** What answers in place of the server: a part of the file that is not the one that was asked for. */
    const parts = {
      'from elsewhere': (begin: number) => [begin - 5, weights.length],
      'that ends early': (begin: number) => [begin, begin + 700_000],
    } as const
    it.each(Object.entries(parts))('have no part %s for the rest', async (_, part) => {
      await leave()
      const other: typeof fetch = async (url, init) => {
        const begin = Number(/\d+/.exec(new Headers(init?.headers).get('range') ?? '')?.[0] ?? Number.NaN)
        if (Number.isNaN(begin)) return fetch(url, init)
        const [from, to] = part(begin) as [number, number]
        const range = `bytes ${from}-${Math.min(to, weights.length) - 1}/${weights.length}`
        return new Response(weights.slice(from, to), {
          status: 206,
          headers: { ...headers(weights), 'content-range': range },
        })
      }
      const opened = await open(['onnx/model.onnx'], { fetch: other })
      expect(Buffer.compare(opened.read('onnx/model.onnx'), weights)).toBe(0)
    })
    it('have no packed bytes for the rest', async () => {
      await leave()
      const packed: typeof fetch = async (url, init) =>
        new Headers(init?.headers).has('range')
          ? new Response(weights, { status: 206, headers: { ...headers(weights), 'content-encoding': 'gzip' } })
          : fetch(url, init)
      const opened = await open(['onnx/model.onnx'], { fetch: packed })
      expect(Buffer.compare(opened.read('onnx/model.onnx'), weights)).toBe(0)
    })
    it('are asked for again where the server does not answer at once', async () => {
      await leave()
      let refusals = 2
      const shaky: typeof fetch = (url, init) =>
        new Headers(init?.headers).has('range') && refusals-- > 0 ? Promise.reject(new Error('cut')) : fetch(url, init)
      const opened = await open(['onnx/model.onnx'], { fetch: shaky })
      expect(Buffer.compare(opened.read('onnx/model.onnx'), weights)).toBe(0)
    })
  })

  it('that end before their length are no files', async () => {
    // Firefox tells no error.
    const short: typeof fetch = async () =>
      new Response(weights.slice(0, 10), { headers: { 'content-length': String(weights.length) } })
    await expect(open(['onnx/model.onnx'], { fetch: short, retries: 0 })).rejects.toThrow(/ended at byte 10/)
    expect((await open(['onnx/model.onnx'])).size('onnx/model.onnx')).toBe(weights.length)
  })

  it('are waited for', async () => {
    mode = 'busy'
    expect((await open(['config.json'])).has('config.json')).toBe(true)
  })

  it.each([
    ['files', /missing\.json: no such file, found status 404/],
    ['app', /missing\.json: an HTML page in place of the file/],
    ['page', /missing\.json: an HTML page in place of the file/],
  ] as const)('that are not there are named, or absent where they may be (%s)', async (state, message) => {
    mode = state
    await expect(open(['missing.json'])).rejects.toThrow(message)
    const opened = await openFiles(address, { files: [{ path: 'missing.json', optional: true }], cacheDir })
    expect(opened.has('missing.json')).toBe(false)
    // What reads it nevertheless is told what the server answered, and not that a file of the cache is missing.
    for (const look of [() => opened.read('missing.json'), () => opened.size('missing.json')])
      expect(look).toThrow(expect.objectContaining({ name: 'HubError', message: expect.stringMatching(message) }))
    expect(() => opened.read('never-asked.json')).toThrow(DataError)
    mode = 'files'
    await fetchFiles(opened, [{ path: 'config.json', optional: true }])
    expect(opened.size('config.json')).toBeGreaterThan(0)
  })

  it('that are not there are told in a worker where its paths begin', async () => {
    vi.stubGlobal('location', new URL('http://page/assets/worker.js'))
    await expect(open(['missing.json'])).rejects.toThrow(
      'In a worker, paths begin where its script is: give new URL(path, document.baseURI).href, made in the page.',
    )
    vi.unstubAllGlobals()
    await expect(open(['missing.json'])).rejects.not.toThrow('In a worker')
  })

  it('go with what stands behind a question mark', async () => {
    await open(['config.json'], { source: `${address}?token=1` })
    expect(requests.map(({ url }) => url)).toEqual(['/models/mine/config.json?token=1'])
  })

  it.each(['../x', '/x', 'a/../../x'])('are not asked for by %j', async (name) => {
    await expect(open([name])).rejects.toThrow(/not the name of a file/)
    expect(requests).toEqual([])
  })
})

it('the page of a repository stands for it', async () => {
  const hub = await hubServer({ 'config.json': text('{}') }, sha)
  const options = { endpoint: hub.endpoint, cacheDir, token: '', files: ['config.json'] }
  for (const page of ['someone/model', 'someone/model/', 'someone/model/tree/main']) {
    const opened = await openFiles(`${hub.endpoint}/${page}`, options)
    expect(opened.where).toBe('someone/model')
    expect(opened.read('config.json')).toEqual(text('{}'))
  }
  await hub.close()
})
