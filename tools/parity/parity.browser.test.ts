// The golden cases in Chromium: all on wasm, one or two of each kind on WebGPU. On a software adapter each takes many seconds;
// parity.test.ts has all of them on WebGPU in Node, and `npm run parity -- CASES --device webgpu --chromium` here.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Device } from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import { hasChromium } from '../chromium.ts'
import { chromiumCases } from './chromium.ts'

const onWebGpu = [
  ...['decoder-llama-int4', 'decoder-qwen2', 'gpt2-lora', 'kd', 'onnx-bert', 'onnx-distilbert-torchscript'],
  ...['peft-default', 'peft-dora', 'rnn-distill'],
]

const fixtures = join(import.meta.dirname, 'fixtures')

describe.skipIf(!hasChromium)('golden cases in Chromium', () => {
  const cases = chromiumCases()
  afterAll(() => cases.close())

  const holds = async (name: string, device: Device) => {
    for (const { kind, worst, tensor } of await cases.run(join(fixtures, name), device))
      expect(worst, `${kind}: ${tensor}`).toBeLessThanOrEqual(1)
  }

  it.each(readdirSync(fixtures))('%s on wasm', (name) => holds(name, 'wasm'))
  it.each(onWebGpu)('%s on webgpu', (name) => holds(name, 'webgpu'))
})
