// What a teacher may be opened from, beside a path.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { memorySink } from '@cola/data'
import { float32, safetensorsChunks } from '@cola/graph'
import { expect, it, vi } from 'vitest'
import { openTeacher } from '../../src/teacher/open-teacher.ts'

const options = { device: 'cpu', onWarning: () => undefined } as const
const logits = [...safetensorsChunks(new Map([['train', float32([2, 2], new Float32Array([1, 2, 3, 4]))]]))]

it('a file of logits as bytes, or picked', async () => {
  const sink = memorySink()
  sink.write('logits.safetensors', logits)
  const bytes = sink.read('logits.safetensors') as Uint8Array<ArrayBuffer>
  for (const source of [sink, { 'logits.safetensors': bytes }, new File([bytes], 'logits.safetensors')]) {
    const { teacher, release } = await openTeacher(source, options)
    expect([...(await teacher.logits({ name: 'train', texts: ['a', 'b'] }))]).toEqual([1, 2, 3, 4])
    await release()
  }
})

it('a file of logits by its path, and by its URL', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cola-teacher-'))
  const path = join(folder, 'logits.safetensors')
  writeFileSync(path, Buffer.concat([...logits]))
  for (const source of [path, pathToFileURL(path)]) {
    const { teacher } = await openTeacher(source, options)
    expect([...(await teacher.logits({ name: 'train', texts: ['a', 'b'] }))]).toEqual([1, 2, 3, 4])
  }
  rmSync(folder, { recursive: true })
})

it('a file of logits at an address, beside others of its folder', async () => {
  const home = mkdtempSync(join(tmpdir(), 'cola-teacher-'))
  vi.stubEnv('XDG_CACHE_HOME', home)
  const server = createServer(({ url }, response) => {
    if (/\/(other|logits)\.safetensors$/.test(url ?? '')) return response.end(Buffer.concat([...logits]))
    return response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/teachers/logits.safetensors`
  for (const source of [address, new URL(address), address.replace('logits.', 'other.')]) {
    const { teacher } = await openTeacher(source, options)
    expect([...(await teacher.logits({ name: 'train', texts: ['a', 'b'] }))]).toEqual([1, 2, 3, 4])
  }
  await expect(openTeacher(address.replace('logits.', 'none.'), options)).rejects.toThrow(/none\.safetensors: no such/)
  server.close()
  vi.unstubAllEnvs()
  rmSync(home, { recursive: true })
})

it.each([
  ['an adapter', { 'adapter_config.json': new TextEncoder().encode('{}') }, /an adapter without its base model/],
  ['no model', { 'config.json': new TextEncoder().encode('{}') }, /no ONNX model/],
  [
    'an object of another kind',
    { hidden: () => undefined } as never,
    /it gives no logits, .*found an object with hidden/,
  ],
  ['an empty object', {} as never, /it gives no logits, .*found an object with nothing/],
])('names what is no teacher: %s', async (_, source, message) => {
  await expect(openTeacher(source, options)).rejects.toThrow(message)
})
