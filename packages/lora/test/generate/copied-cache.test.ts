// Devices that do not compute in the arrays of tensors, such as WASM, give keys and values of new tokens: the tokens are
// those of a cache in place.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFiles } from '@cola/data'
import { expect, it, vi } from 'vitest'
import type { CachedModel } from '../../src/onnx/read.ts'
import { createGenerator, readCachedModel } from '../../src/index.ts'
import { decoders } from '../support/decoder-files.ts'

const device = vi.hoisted(() => ({ inPlace: true, asked: 0 }))
vi.mock('../../../train/src/runtime/devices.ts', async (original) => ({
  ...(await original<object>()),
  computesInPlace: () => {
    device.asked++
    return device.inPlace
  },
}))

it.each(['decoder-qwen2', 'decoder-gemma2', 'decoder-llama-int4'])(
  '%s: a cache in place and one that is copied',
  async (name) => {
    const folder = join(decoders, name)
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as { model_type: string }
    const model = readCachedModel(await openFiles(folder), 'onnx/model.onnx', config) as CachedModel
    // Prompts of one token join those that go on; others end before.
    const prompts = Array.from({ length: 9 }, (_, i) => [3 + i, 9, 4 + i, 30, 5].slice(0, 1 + ((i * i) % 5)))
    const options = { do_sample: true, temperature: 2, max_new_tokens: 30, batch_size: 4, eos_token_id: [3, 7, 11] }
    const generated: number[][][] = []
    for (const inPlace of [true, false]) {
      device.inPlace = inPlace
      const generator = await createGenerator(model, { config })
      generated.push(await generator.generate(prompts, options))
      await generator.release()
    }
    expect(device.asked).toBeGreaterThan(1)
    expect(generated[1]).toEqual(generated[0])
    expect(generated.flat(2).length).toBeGreaterThan(40)
  },
)
