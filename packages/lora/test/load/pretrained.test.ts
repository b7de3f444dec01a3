import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { filesOf } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type HubServer, hubServer } from '../../../../tools/hub-server.ts'
import { loadPretrained } from '../../src/index.ts'
import { embedded } from '../support/padded-gpt2.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-lora-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the hub', () => {
  let hub: HubServer
  const sha = 'a'.repeat(40)
  const files = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
  beforeAll(async () => {
    hub = await hubServer(Object.fromEntries(files.map((name) => [name, filesOf(embedded).read(name)])), sha)
  })
  afterAll(() => hub.close())
  const load = (cacheDir: string, timeout = 5000) =>
    loadPretrained('someone/tiny-gpt2', { endpoint: hub.endpoint, cacheDir, timeout, num_labels: 2 })

  it('downloads into the cache that Python shares, and serves from it when the hub is down', async () => {
    hub.mode = 'up'
    const cache = join(folder, 'cache')
    const { folder: snapshot } = await load(cache)
    expect(snapshot).toBe(join(cache, 'models--someone--tiny-gpt2', 'snapshots', sha))
    expect(readFileSync(join(cache, 'models--someone--tiny-gpt2', 'refs', 'main'), 'utf8')).toBe(sha)
    hub.mode = 'refuse'
    expect((await load(cache)).folder).toBe(snapshot)
  })
  it.each([
    ['html', /not JSON, found an HTML page/],
    ['refuse', /status 401.*HF_TOKEN/],
    ['slow', /could not be reached/],
  ] as const)('says so when the hub is %s', async (state, message) => {
    hub.mode = state
    await expect(load(join(folder, `cache-${state}`), 300)).rejects.toThrow(message)
    expect(existsSync(join(folder, `cache-${state}`, 'models--someone--tiny-gpt2'))).toBe(false)
  })
})
