import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { hubServer, type HubServer } from '../../../../tools/hub-server.ts'
import { hubFiles, pushToHub, type HubOptions } from '../../src/index.ts'
import { pointer, sha, text } from '../support/hub-files.ts'
import { withoutHubVariables } from '../support/hub-variables.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-hub-'))
withoutHubVariables(join(folder, 'home'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('hubFiles', () => {
  let hub: HubServer
  const files = {
    'config.json': text('{}'),
    'model.safetensors': text(pointer),
    'onnx/model.onnx': new Uint8Array(300_000).fill(7),
    'pytorch_model-00001-of-00002.bin': text('pickle'),
  }
  const cacheDir = join(folder, 'cache')
  const options = (): HubOptions => ({ endpoint: hub.endpoint, cacheDir })
  const get = (paths: readonly string[], more: HubOptions = {}) =>
    hubFiles(
      'someone/model',
      paths.map((path) => ({ path })),
      { ...options(), ...more },
    )
  beforeAll(async () => {
    hub = await hubServer(files, sha)
  })
  beforeEach(() => {
    vi.stubEnv('HOME', folder) // No token there.
    hub.mode = 'up'
    hub.requests.length = 0
  })
  afterAll(() => hub.close())

  it('sends the token that hf auth login stored, with every request', async () => {
    mkdirSync(join(folder, 'home/hf'), { recursive: true })
    writeFileSync(join(folder, 'home/hf/token'), ' from-hf-home \n')
    vi.stubEnv('HF_TOKEN_PATH', join(folder, 'home/hf/token'))
    await get(['config.json'], { cacheDir: join(folder, 'cache-token') })
    expect(hub.requests.length).toBeGreaterThan(1)
    expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set(['Bearer from-hf-home']))
  })
  it('sends no token if it is empty', async () => {
    vi.stubEnv('HF_TOKEN', 'secret')
    await get(['config.json'], { cacheDir: join(folder, 'cache-none'), token: '' })
    expect(new Set(hub.requests.map(({ authorization }) => authorization))).toEqual(new Set([undefined]))
  })
  it('sends no requests offline, and names files that are not in the cache', async () => {
    const [path] = await get(['config.json'])
    vi.stubEnv('HF_HUB_OFFLINE', '1')
    hub.requests.length = 0
    expect(await get(['config.json'])).toEqual([path])
    expect(await get(['config.json'], { revision: sha })).toEqual([path])
    expect(await hubFiles('someone/model', [{ path: 'onnx/model.onnx', optional: true }], options())).toEqual([
      undefined,
    ])
    await expect(get(['onnx/model.onnx'])).rejects.toThrow(
      /onnx\/model\.onnx: the file is not in the cache, and HF_HUB_OFFLINE forbids requests\. Run once without it/,
    )
    await expect(get(['config.json'], { cacheDir: join(folder, 'empty') })).rejects.toThrow(
      /HF_HUB_OFFLINE forbids requests.*If a folder is meant/s,
    )
    await expect(pushToHub('someone/model', { endpoint: hub.endpoint, token: 'x', files })).rejects.toThrow(
      /HF_HUB_OFFLINE forbids requests/,
    )
    expect(hub.requests).toEqual([])
  })
  it('serves a commit from the cache without a request', async () => {
    const [path] = await get(['config.json'])
    hub.requests.length = 0
    expect(await get(['config.json'], { revision: sha })).toEqual([path])
    expect(hub.requests).toEqual([])
    expect(
      await hubFiles('someone/model', [{ path: 'missing', optional: true }], { ...options(), revision: sha }),
    ).toEqual([undefined])
  })
  it('lists the repository’s files, those of the same type first, and how to convert pickled weights', async () => {
    await expect(get(['onnx/model_fp16.onnx'])).rejects.toThrow(
      /no such file\. The repository has onnx\/model\.onnx, config\.json, /,
    )
    await expect(hubFiles('someone/model', [{ path: 'adapter_model.safetensors' }], options())).rejects.toThrow(
      /The repository has model\.safetensors/,
    )
    const pickled = await hubServer({ 'adapter_model.bin': text('pickle') }, sha)
    await expect(
      hubFiles('someone/adapter', [{ path: 'adapter_model.safetensors' }], {
        ...options(),
        endpoint: pickled.endpoint,
      }),
    ).rejects.toThrow(/Only adapter_model\.bin is there.*folder = snapshot_download\("someone\/adapter"\)/s)
    await pickled.close()
  })
  it('refuses a git-lfs pointer, and removes it', async () => {
    await expect(get(['model.safetensors'])).rejects.toThrow(
      /resolve\/b{40}\/model\.safetensors: a git-lfs pointer in place of the file, expected 90387630 bytes/,
    )
    expect(existsSync(join(cacheDir, 'models--someone--model/snapshots', sha, 'model.safetensors'))).toBe(false)
  })
  it('distinguishes a failed download from a file that does not exist', async () => {
    const broken: typeof fetch = async (input, init) =>
      String(input).includes('/resolve/') ? new Response('', { status: 500 }) : fetch(input, init)
    await expect(
      hubFiles('someone/model', [{ path: 'onnx/model.onnx', optional: true }], {
        ...options(),
        fetch: broken,
        retries: 0,
      }),
    ).rejects.toThrow(/onnx\/model\.onnx/)
  })
  /** A fetch whose bodies come in parts, a part each `pause` ms; the last part never, if told so. */
  const slowly =
    (pause: number, { stall = false } = {}): typeof fetch =>
    async (input, init) => {
      const response = await fetch(input, init)
      const bytes = new Uint8Array(await response.arrayBuffer())
      if (bytes.length < 1000) return new Response(bytes, response)
      let at = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (out) =>
          new Promise((resolve, reject) => {
            init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
            if (stall && at > 0) return
            setTimeout(() => {
              out.enqueue(bytes.subarray(at, at + bytes.length / 4))
              at += bytes.length / 4
              if (at >= bytes.length) out.close()
              resolve()
            }, pause)
          }),
      })
      return new Response(body, response)
    }
  it('lets a large file take longer than the timeout while bytes arrive, and aborts when none do', async () => {
    const [path] = await get(['onnx/model.onnx'], {
      cacheDir: join(folder, 'cache-slow'),
      fetch: slowly(200),
      timeout: 400,
    })
    expect(readFileSync(path as string).length).toBe(300_000)
    await expect(
      get(['onnx/model.onnx'], {
        cacheDir: join(folder, 'cache-stalled'),
        fetch: slowly(10, { stall: true }),
        timeout: 300,
        retries: 0,
      }),
    ).rejects.toThrow(/could not be reached, found .*nothing came for 300 ms/)
  })
  it.each([
    [
      401,
      'no such repository, or one that needs a token, found status 401. ' +
        'Check its name; if it is private or gated, run "hf auth login" or set HF_TOKEN',
    ],
    [
      403,
      'the hub refused, found status 403. It is gated or private: ask for access at https://hub.example/someone/modle',
    ],
    [404, /no such repository or revision, found status 404/],
    [503, /the hub refused, found status 503\. Try again later/],
  ])('says what status %i means, and both things that the name can mean', async (status, message) => {
    const refusing: typeof fetch = async () => new Response('{}', { status })
    const opened = hubFiles('someone/modle', [{ path: 'config.json' }], {
      cacheDir,
      endpoint: 'https://hub.example/',
      fetch: refusing,
      retries: 0,
    })
    await expect(opened).rejects.toThrow(message)
    await expect(opened).rejects.toThrow(
      /If a folder is meant: there is no "someone\/modle" here\. "someone" is not there either\./,
    )
  })
  it.each(['a/b/c', '../x', 'name--x', 'someone/model.git', ''])(
    'refuses the repository "%s" without asking',
    async (name) => {
      await expect(hubFiles(name, [{ path: 'config.json' }], options())).rejects.toThrow(/not the name of a repository/)
      expect(hub.requests).toEqual([])
    },
  )
})
