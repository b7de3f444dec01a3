import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DeviceError } from '../../src/index.ts'
import { fetchWasm, wasmCandidates } from '../../src/runtime/wasm-files.ts'

const files = (folder: string, name = 'ort-wasm-simd-threaded') => ({
  mjs: `${folder}${name}.mjs`,
  wasm: `${folder}${name}.wasm`,
})
const noMap = (): string => {
  throw new TypeError('bare specifier')
}

describe('where the files of the runtime are looked for', () => {
  it.each([
    [
      'where a bundler put them',
      { bundled: files('https://x.org/assets/', 'ort-wasm-simd-threaded-C4hq'), module: 'https://x.org/assets/app.js' },
      [files('https://x.org/assets/', 'ort-wasm-simd-threaded-C4hq')],
    ],
    [
      "where Vite's development server serves them",
      {
        bundled: files('http://localhost:5173/node_modules/@cola/train/dist/browser/runtime/onnxruntime-web/'),
        module: 'http://localhost:5173/node_modules/.vite/deps/@cola_train.js',
      },
      [
        files('http://localhost:5173/node_modules/onnxruntime-web/dist/'),
        files('http://localhost:5173/node_modules/.vite/deps/'),
      ],
    ],
    [
      'where an import map says, in a page without a bundler',
      {
        bundled: files('https://x.org/cola/train/runtime/onnxruntime-web/'),
        module: 'https://x.org/cola/train/runtime/bundled-files.js',
        resolve: (specifier: string) => `https://cdn.org/${specifier.replace('/', '@1.30/dist/')}.min.mjs`,
      },
      [files('https://cdn.org/onnxruntime-web@1.30/dist/'), files('https://x.org/cola/train/runtime/')],
    ],
    [
      'beside the bundle of any other bundler',
      { bundled: files('https://x.org/onnxruntime-web/'), module: 'https://x.org/app.js' },
      [files('https://x.org/')],
    ],
    [
      'nowhere else than in the folder that the host names',
      { folder: 'https://x.org/ort/', bundled: files('https://x.org/assets/'), module: 'https://x.org/app.js' },
      [files('https://x.org/ort/')],
    ],
  ])('%s', (_, places, expected) => {
    expect(wasmCandidates('wasm', { resolve: noMap, ...places })).toEqual(expected)
  })
})

describe('the wasm', () => {
  let server: Server
  let origin: string
  const answers: Record<string, [number, string, string]> = {
    '/good.wasm': [200, 'application/wasm', '\0asm\x01\0\0\0 and more'],
    '/app.wasm': [200, 'text/html; charset=utf-8', '<!doctype html>'],
    '/text.wasm': [200, 'application/octet-stream', '<!doctype html>'],
  }
  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      const [status, type, body] = answers[url] ?? [404, 'text/plain', '']
      response.writeHead(status, { 'content-type': type }).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  })
  afterAll(() => server.close())
  const at = (name: string) => ({ mjs: '', wasm: `${origin}/${name}.wasm` })

  it('is taken from the first address that has it', async () => {
    const { files: found, binary } = await fetchWasm([at('missing'), at('app'), at('good')])
    expect(found).toEqual(at('good'))
    expect(binary.byteLength).toBe(17)
  })
  it.each([
    ['app', 'HTML'],
    ['missing', 'status 404'],
    ['text', '15 bytes that are not WebAssembly'],
  ])('is refused by its address: %s', async (name, found) => {
    const refused = fetchWasm([at(name)])
    await expect(refused).rejects.toThrow(DeviceError)
    await expect(refused).rejects.toThrow(`found ${origin}/${name}.wasm: ${found}.`)
    await expect(refused).rejects.toThrow('configureRuntime({ wasmPaths:')
  })
})
