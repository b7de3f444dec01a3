import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type HubServer, hubServer } from '../../../tools/hub-server.ts'
import { cacheFolder, endpointOf, isOffline, readToken, storedToken } from '../src/hub/settings.ts'
import { hubFiles, type HubOptions, isFolder, lfsPointer, pickleFix, pushToHub } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-hub-'))
const home = process.cwd()
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true })
})

const variables = [
  ...[
    'HF_TOKEN',
    'HUGGING_FACE_HUB_TOKEN',
    'HF_TOKEN_PATH',
    'HF_HOME',
    'XDG_CACHE_HOME',
    'HF_HUB_CACHE',
    'HUGGINGFACE_HUB_CACHE',
  ],
  ...['HF_ENDPOINT', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'],
]
beforeEach(() => {
  for (const name of variables) vi.stubEnv(name, undefined)
  vi.stubEnv('HOME', join(folder, 'home'))
})
afterEach(() => vi.unstubAllEnvs())

const sha = 'b'.repeat(40)
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4'.repeat(64)}\nsize 90387630\n`
const text = (content: string) => new TextEncoder().encode(content)

interface SettingsFixture {
  stored: Record<string, string>
  rows: {
    environment: Record<string, string>
    expected: { endpoint: string; cache: string; offline: boolean; read: string | null; write: string | null }
  }[]
}
const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/hub-settings/settings.json'), 'utf8'),
) as SettingsFixture

describe('the environment', () => {
  beforeAll(() => {
    for (const [name, content] of Object.entries(fixture.stored)) {
      mkdirSync(dirname(join(folder, 'home', name)), { recursive: true })
      writeFileSync(join(folder, 'home', name), content)
    }
  })
  it.each(fixture.rows.map((row) => [JSON.stringify(row.environment), row] as const))(
    '%s means what it means to huggingface_hub',
    async (_, row) => {
      const at = join(folder, 'home')
      for (const [name, value] of Object.entries(row.environment)) vi.stubEnv(name, value.replace('{home}', at))
      expect({
        endpoint: endpointOf(),
        cache: (await cacheFolder()).replace(at, '{home}'),
        offline: isOffline(),
        read: (await readToken()) ?? null,
        write: (await storedToken()) ?? null,
      }).toEqual(row.expected)
    },
  )
})

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
    await expect(pushToHub('someone/model', { ...options(), token: 'x', files })).rejects.toThrow(
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
      hubFiles('someone/model', [{ path: 'onnx/model.onnx', optional: true }], { ...options(), fetch: broken }),
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
      }),
    ).rejects.toThrow(/could not be reached, found .*nothing came for 300 ms/)
  })
  it('restores console.debug after concurrent downloads', async () => {
    const { debug } = console
    await Promise.all(
      ['one', 'two'].map((name) =>
        get(['config.json', 'onnx/model.onnx'], { cacheDir: join(folder, `cache-${name}`) }),
      ),
    )
    expect(console.debug).toBe(debug)
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

describe('a folder or a name on the hub', () => {
  beforeAll(() => {
    for (const name of ['models/minilm-l6', 'models/smollm2-135m', 'bert'])
      mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'bert', 'model.onnx'), '')
    process.chdir(folder)
  })
  it.each([
    ['bert', true],
    ['models/minilm-l6', true],
    ['models/minilm-l7', false],
    ['Xenova/all-MiniLM-L6-v2', false],
    ['gpt2', false],
  ])('%s', async (name, expected) => expect(await isFolder(name)).toBe(expected))
  it.each([
    [
      './models/minilm-l7',
      /\/minilm-l7": no such folder\. Is "models\/minilm-l6" meant\? ".*models" has minilm-l6, smollm2-135m\./,
    ],
    ['models/minilm-l6/', true],
    ['models/deep/er', /no such folder\. "models\/deep" is not there either\. ".*models" has /],
    ['models\\minilm-l6', /no such folder/],
    ['C:\\models\\minilm-l6', /no such folder/],
    ['~/models/minilm-l6', /no such folder.*Node does not expand "~"/],
    ['/nowhere/at/all', /no such folder\. "\/nowhere\/at" is not there either/],
    ['../x', /no such folder/],
    ['my model', /no such folder/],
    [
      'https://huggingface.co/org/name/tree/main',
      /: an address, expected the name of a repository\. Write "org\/name"/,
    ],
    [null as never, /^model: no name, expected the path of a folder, .*found null/],
    ['bert/model.onnx', /not a folder, expected the folder that the file is in/],
  ] as const)('%s is a path', async (name, expected) => {
    if (expected === true) expect(await isFolder(name)).toBe(true)
    else await expect(isFolder(name)).rejects.toThrow(expected)
  })
})

describe('git-lfs pointers and pickled weights', () => {
  it('distinguishes a git-lfs pointer from a file', () => {
    expect(lfsPointer(text(pointer), 'x')).toMatchObject({
      what: 'a git-lfs pointer in place of the file',
      expected: '90387630 bytes',
    })
    expect(lfsPointer(text('version 2'), 'x')).toBeUndefined()
  })
  it.each([
    ['model.safetensors', ['config.json', 'pytorch_model.bin'], /Only pytorch_model\.bin is there/],
    [
      'model.safetensors',
      ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'],
      /glob\.glob\(f'\{folder\}\/pytorch_model\*\.bin'\)/,
    ],
    ['adapter_model.safetensors', ['adapter_model.bin'], /folder = "a b"\n/],
  ])('tells how to convert to %s from %s', (wanted, names, message) =>
    expect(pickleFix(wanted, names, { folder: 'a b' })).toMatch(message),
  )
  it('gives no advice for other files', () => {
    expect(pickleFix('model.safetensors', ['adapter_model.bin', 'training_args.bin'], { folder: 'x' })).toBeUndefined()
    expect(pickleFix('config.json', ['pytorch_model.bin'], { folder: 'x' })).toBeUndefined()
  })
})
