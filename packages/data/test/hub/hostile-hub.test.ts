// What breaks and what is hostile between a hub and the cache: nothing but what the hub names enters it, nothing leaves
// it, and what passes is waited for.

import { execFile } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { gitId, hubServer, type HubServer } from '../../../../tools/hub-server.ts'
import { HubError, hubFiles, type HubOptions, type Progress } from '../../src/index.ts'
import { diskStore } from '../../src/hub/disk-store.ts'
import { download, type DownloadContext } from '../../src/hub/download.ts'
import type { BlobKey } from '../../src/hub/store.ts'
import { sha, text } from '../support/hub-files.ts'
import { withoutHubVariables } from '../support/hub-variables.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-hostile-'))
withoutHubVariables(join(folder, 'home'))
afterAll(() => rmSync(folder, { recursive: true }))

const weights = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) >> 5)
const files = { 'config.json': text('{"a":1}'), 'onnx/model.onnx': weights, 'onnx/model_fp16.onnx': text('half') }
const large = 'onnx/model.onnx'

let hub: HubServer
let cacheDir: string
let count = 0
beforeAll(async () => {
  hub = await hubServer(files, sha)
})
afterAll(() => hub.close())
beforeEach(() => {
  vi.stubEnv('HOME', folder)
  hub.hostile.length = 0
  hub.requests.length = 0
  cacheDir = join(folder, `cache-${++count}`)
})

const repoFolder = () => join(cacheDir, 'models--someone--model')
const get = (path: string, more: HubOptions & { optional?: boolean } = {}) => {
  const { optional = false, ...options } = more
  return hubFiles('someone/model', [{ path, optional }], { endpoint: hub.endpoint, cacheDir, token: '', ...options })
}
/** Everything below a folder that is a file, of which none may be a bad download. */
const filesBelow = (at: string): string[] =>
  existsSync(at)
    ? readdirSync(at, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name, parentPath }) => join(parentPath, name).slice(at.length + 1))
    : []
const blobsOf = () => filesBelow(join(repoFolder(), 'blobs'))
const answerTo = (part: string, answer: (response: ServerResponse, range: string | undefined) => void, times = 1e9) => {
  let left = times
  hub.hostile.push(({ url, range }, response) => {
    if (!url.includes(part) || left-- <= 0) return false
    answer(response, range)
    return true
  })
}
const ranges = async (work: Promise<unknown>) => {
  const seen: (string | undefined)[] = []
  hub.hostile.unshift(({ url, range }) => {
    if (url.includes('/resolve/')) seen.push(range)
    return false
  })
  return { result: await work.then(() => 'good', String), seen }
}

describe('bytes that are not those that the hub names', () => {
  it.each([
    ['other bytes of the same length', (response: ServerResponse) => response.end(weights.map((x) => x ^ 1))],
    ['more bytes', (response: ServerResponse) => response.end(Buffer.concat([weights, weights]))],
    ['an HTML page', (r: ServerResponse) => r.setHeader('content-type', 'text/html').end('<!DOCTYPE html><p>log in')],
    ['a page of the same length', (r: ServerResponse) => r.end(`<html>${' '.repeat(weights.length - 6)}`)],
    ['nothing', (response: ServerResponse) => response.end()],
  ])('%s do not enter the cache, and the next try is good', async (_, answer) => {
    answerTo('/resolve/', answer)
    await expect(get(large, { retries: 0 })).rejects.toThrow(/onnx\/model\.onnx: /)
    expect(filesBelow(join(repoFolder(), 'snapshots'))).toEqual([])
    expect(blobsOf().filter((name) => !name.endsWith('.incomplete'))).toEqual([])
    hub.hostile.length = 0
    const [path] = await get(large)
    expect(readFileSync(path as string).equals(weights)).toBe(true)
  })

  it('are named by their hash, or as a page', async () => {
    answerTo('/resolve/', (response) => response.end(text('{"a":2}')))
    await expect(get('config.json')).rejects.toThrow(
      `not the file that the hub names, expected hash ${gitId(files['config.json'])}, found another hash, ` +
        gitId(text('{"a":2}')),
    )
    hub.hostile.length = 0
    answerTo('/resolve/', (response) => response.end('<html/>'))
    await expect(get('config.json')).rejects.toThrow(/found an HTML page/)
  })

  it('are replaced in the cache when their file is asked for again', async () => {
    const [path] = await get(large)
    const blob = join(
      repoFolder(),
      'blobs',
      readlinkSync(path as string)
        .split('/')
        .at(-1) as string,
    )
    writeFileSync(blob, weights.subarray(0, 1000))
    rmSync(path as string)
    expect(readFileSync((await get(large))[0] as string).equals(weights)).toBe(true)
  })
})

describe('a download that breaks off', () => {
  /** On a busy machine, the last of the million bytes may not have been read when the connection ends. */
  const begun = expect.stringMatching(/^bytes=[1-9]\d{4,6}-$/)
  const half = (response: ServerResponse) => {
    response.setHeader('content-length', weights.length)
    response.write(weights.subarray(0, 1_000_000))
    setTimeout(() => response.destroy(), 50)
  }

  it('goes on where it stopped, with its progress', async () => {
    answerTo('/resolve/', half, 1)
    const progress: Progress[] = []
    const { result, seen } = await ranges(get(large, { onProgress: (at) => progress.push(at) }))
    expect(result).toBe('good')
    expect(seen).toEqual([undefined, begun])
    expect(progress.map(({ loaded }) => loaded)).toEqual(progress.map(({ loaded }) => loaded).sort((a, b) => a - b))
    expect(progress.at(-1)).toEqual({ file: large, loaded: weights.length, total: weights.length })
    expect(blobsOf().length).toBe(1)
  })

  it('goes on in the next call, and in the next process', async () => {
    answerTo('/resolve/', half)
    await expect(get(large, { retries: 0 })).rejects.toThrow(/could not be reached/)
    hub.hostile.length = 0
    const [left] = blobsOf()
    // As if the process that wrote it were gone.
    const gone = (left as string).replace(`-${process.pid}-`, '-999999999-')
    writeFileSync(join(repoFolder(), 'blobs', gone), readFileSync(join(repoFolder(), 'blobs', left as string)))
    rmSync(join(repoFolder(), 'blobs', left as string))
    const { result, seen } = await ranges(get(large))
    expect(result).toBe('good')
    expect(seen).toEqual([begun])
    expect(blobsOf().length).toBe(1)
  })

  it('starts anew where the server knows no ranges, or what was left is wrong', async () => {
    answerTo('/resolve/', half, 1)
    answerTo('/resolve/', (response) => response.end(weights), 1)
    expect((await ranges(get(large))).result).toBe('good')

    cacheDir = `${cacheDir}-wrong`
    hub.hostile.length = 0
    answerTo('/resolve/', (response) => {
      response.setHeader('content-length', weights.length)
      response.write(weights.subarray(0, 1_000_000).map((x) => x ^ 1))
      setTimeout(() => response.destroy(), 50)
    })
    await get(large, { retries: 0 }).catch(() => undefined)
    hub.hostile.length = 0
    const { result, seen } = await ranges(get(large))
    expect(result).toBe('good')
    expect(seen).toEqual([begun, undefined])
  })

  it('waits for the next bytes as long as the timeout, and stops when the signal fires', async () => {
    answerTo('/resolve/', (response) => response.write(weights.subarray(0, 1000)))
    await expect(get(large, { retries: 0, timeout: 200 })).rejects.toThrow(/nothing came for 200 ms/)
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')), 200)
    await expect(get(large, { signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('a refusal that passes', () => {
  it.each([
    [429, '/revision/'],
    [503, '/paths-info/'],
    [502, '/resolve/'],
  ])('of status %i is tried again: %s', async (status, part) => {
    answerTo(part, (response) => response.writeHead(status, { 'retry-after': '0' }).end(), 2)
    expect((await get('config.json'))[0]).toBeDefined()
  })

  it('is waited for as long as the server asks, unless that is too long', async () => {
    answerTo('/resolve/', (response) => response.writeHead(429, { 'retry-after': '1' }).end(), 1)
    const start = performance.now()
    await get('config.json')
    expect(performance.now() - start).toBeGreaterThan(950)
    answerTo('/resolve/', (response) => response.writeHead(429, { 'retry-after': '3600' }).end())
    await expect(get(large)).rejects.toThrow(/status 429.*Too many requests/s)
  })

  it.each(['/revision/', '/paths-info/', '/resolve/'])('of an optional file is not its absence: %s', async (part) => {
    await get('onnx/model_fp16.onnx')
    answerTo(part, (response) => response.writeHead(503).end())
    await expect(get(large, { optional: true, retries: 0 })).rejects.toThrow(/status 503/)
    hub.hostile.length = 0
    expect((await get(large, { optional: true }))[0]).toBeDefined()
  })

  it('leaves known absences: they are in the cache', async () => {
    expect(await get('missing.json', { optional: true })).toEqual([undefined])
    expect(existsSync(join(repoFolder(), '.no_exist', sha, 'missing.json'))).toBe(true)
    await get('config.json')
    answerTo('/', (response) => response.writeHead(503).end())
    expect(await get('missing.json', { optional: true, retries: 0 })).toEqual([undefined])
    expect((await get('config.json', { retries: 0 }))[0]).toBeDefined()
  })
})

it('makes no request with the option offline', async () => {
  await get('config.json')
  hub.requests.length = 0
  expect((await get('config.json', { offline: true }))[0]).toBeDefined()
  expect(await get(large, { offline: true, optional: true })).toEqual([undefined])
  await expect(get(large, { offline: true })).rejects.toThrow(/not in the cache, and .*forbids requests/)
  expect(hub.requests).toEqual([])
})

describe('an answer that would leave the cache', () => {
  const json = (part: string, value: unknown) =>
    answerTo(part, (response) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value)))
  const siblings = Object.keys(files).map((rfilename) => ({ rfilename }))

  it.each([
    ['an object id', '/paths-info/', [{ path: 'config.json', oid: '../../../outside', size: 7 }]],
    [
      'an LFS id',
      '/paths-info/',
      [{ path: 'config.json', oid: 'a'.repeat(40), size: 7, lfs: { oid: '../x', size: 7 } }],
    ],
    ['a size', '/paths-info/', [{ path: 'config.json', oid: 'a'.repeat(40), size: -1 }]],
    ['a file of another name', '/paths-info/', [{ path: '../config.json', oid: 'a'.repeat(40), size: 7 }]],
    ['no list', '/paths-info/', { error: 'no' }],
    ['null', '/paths-info/', [null]],
    ['a commit', '/revision/', { sha: '../../outside', siblings }],
    ['file names', '/revision/', { sha, siblings: [{ rfilename: 3 }] }],
    ['null in place of files', '/revision/', { sha, siblings: null }],
    ['null in place of all', '/revision/', null],
  ])('is refused: %s', async (_, part, answer) => {
    json(part, answer)
    await expect(get('config.json')).rejects.toThrow(/the answer (names no commit|does not say what)/)
    expect(existsSync(join(folder, 'outside'))).toBe(false)
    expect(filesBelow(cacheDir).filter((name) => !name.includes('refs'))).toEqual([])
  })

  it('is refused: another commit than the one that was asked for', async () => {
    json('/revision/', { sha: 'c'.repeat(40), siblings })
    await expect(get('config.json', { revision: sha })).rejects.toThrow(/names no commit/)
  })

  it.each(['../../outside', '/outside', 'a/../../b', ''])('is not asked for: the file %j', async (path) => {
    await expect(get(path)).rejects.toThrow(/not the name of a file/)
    await expect(get('config.json', { revision: path })).rejects.toThrow(/not the name of a branch, tag or commit/)
    expect(filesBelow(cacheDir).filter((name) => !name.includes('refs'))).toEqual([])
  })
})

describe('a symbolic link in the way', () => {
  it.each(['blobs', 'snapshots', `snapshots/${sha}`, `snapshots/${sha}/onnx`, 'refs', '.no_exist'])(
    'is not followed: %s',
    async (place) => {
      const outside = join(folder, `outside-${count}`)
      mkdirSync(outside)
      mkdirSync(join(repoFolder(), place, '..'), { recursive: true })
      symlinkSync(outside, join(repoFolder(), place))
      await expect(get(large).then(() => get('missing', { optional: true }))).rejects.toThrow(
        /a symbolic link or a file is in the way/,
      )
      expect(readdirSync(outside)).toEqual([])
    },
  )

  it('is replaced where a file is written', async () => {
    const outside = join(folder, `outside-${count}`)
    writeFileSync(outside, 'kept')
    await get('config.json')
    const id = gitId(files['config.json'])
    const blob = join(repoFolder(), 'blobs', id)
    rmSync(blob)
    rmSync(join(repoFolder(), 'snapshots', sha, 'config.json'))
    symlinkSync(outside, blob)
    const [path] = await get('config.json')
    expect(readFileSync(outside, 'utf8')).toBe('kept')
    expect(lstatSync(blob).isSymbolicLink()).toBe(false)
    expect(readFileSync(path as string, 'utf8')).toBe('{"a":1}')
  })
})

it('a file that another process brought while this one waited leaves no partial file', async () => {
  await get(large)
  const [id = ''] = blobsOf()
  const store = diskStore(repoFolder())
  const asked: boolean[] = []
  const late = { ...store, blob: async (key: BlobKey) => (asked.push(true) > 1 ? store.blob(key) : undefined) }
  const refuse = () => new HubError({ where: large, what: 'asked for again' })
  await download(late, { id, size: weights.length, check: 'sha256' }, {
    url: 'http://127.0.0.1:1/',
    refuse,
  } as unknown as DownloadContext)
  expect(asked.length).toBe(2)
  expect(blobsOf()).toEqual([id])
})

it('two processes fetch one file at once', async () => {
  // Slowly, so that they meet.
  hub.hostile.push(({ url }, response) => {
    if (!url.includes('/resolve/')) return false
    response.setHeader('content-length', weights.length)
    const send = (at: number): void => {
      if (at >= weights.length) return void response.end()
      response.write(weights.subarray(at, at + 300_000))
      setTimeout(() => send(at + 300_000), 60)
    }
    send(0)
    return true
  })
  const program = `
    import { hubFiles } from './packages/data/src/index.ts'
    const options = { endpoint: '${hub.endpoint}', cacheDir: '${cacheDir}', token: '' }
    const [path] = await hubFiles('someone/model', [{ path: '${large}' }], options)
    console.log(path)`
  const run = async () => {
    const args = ['--import', 'tsx', '--conditions=@cola/source', '--input-type=module', '-e', program]
    const cwd = join(import.meta.dirname, '../../../..')
    return (await promisify(execFile)(process.execPath, args, { cwd })).stdout.trim()
  }
  const found = await Promise.all([run(), run(), get(large).then(([path]) => path)])
  for (const path of found) expect(readFileSync(path as string).equals(weights)).toBe(true)
  expect(blobsOf().length).toBe(1)
})
