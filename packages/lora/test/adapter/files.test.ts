// Adapters on the hub, and wherever else they lie.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memorySink } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EverySource, everySource, sourceKinds } from '../../../../tools/every-source.ts'
import { hubServer } from '../../../../tools/hub-server.ts'
import { moved } from '../../../../tools/moved.ts'
import { loadAdapter, lora, openAdapter, pushAdapter, writeAdapter } from '../../src/index.ts'
import { base, linear, logits } from '../support/packed-gpt2.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-adapters-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('the hub', () => {
  it('takes an adapter and gives it back', async () => {
    const model = moved(lora(base, { task_type: 'SEQ_CLS', r: 2, target_modules: linear }), 5)
    const hub = await hubServer({}, 'e'.repeat(40))
    const options = { endpoint: hub.endpoint, token: 'hf_test' }
    expect(await pushAdapter('someone/adapter', model, { ...options, baseModel: 'openai-community/gpt2' })).toBe(
      'e'.repeat(40),
    )
    await hub.close()
    expect([...hub.pushed.keys()].sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])

    const again = await hubServer(Object.fromEntries(hub.pushed), 'f'.repeat(40))
    const adapter = await openAdapter('someone/adapter', { endpoint: again.endpoint, cacheDir: join(folder, 'cache') })
    expect(adapter.config.base_model_name_or_path).toBe('openai-community/gpt2')
    expect(await logits(loadAdapter(base, adapter))).toBeAllclose(await logits(model))
    again.mode = 'refuse'
    await expect(pushAdapter('someone/adapter', model, { ...options, endpoint: again.endpoint })).rejects.toThrow(
      /someone\/adapter/,
    )
    await expect(pushAdapter('someone/adapter', model, { endpoint: again.endpoint, token: '' })).rejects.toThrow(
      /no token to write with/,
    )
    await again.close()
  })
})

describe('an adapter is opened from', () => {
  const model = moved(lora(base, { task_type: 'SEQ_CLS', r: 2, target_modules: linear }), 5)
  let places: EverySource
  beforeAll(async () => {
    const sink = memorySink()
    writeAdapter(sink, model)
    places = await everySource(Object.fromEntries([...sink.written].map(([name, bytes]) => [name, bytes.slice()])))
  })
  afterAll(() => places.close())

  it.each(sourceKinds)('%s', async (kind) => {
    const adapter = await openAdapter(places.source[kind], places.options)
    expect(await logits(loadAdapter(base, adapter))).toBeAllclose(await logits(model))
  })
})
