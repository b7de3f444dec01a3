// Greedy tokens on every device are those of Node's CPU: wasm and WebGPU in Chromium, WebGPU in Node.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { folderFiles } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import { keepGpu } from '../../../../tools/kept-gpu.ts'
import { greedy } from '../support/generation-page.ts'

const root = join(import.meta.dirname, '../../../..')

/** Folder and file of each decoder; none for the GPT-2 that this library builds. */
const decoders: readonly [name: string, folder?: string, file?: string][] = [
  ['GPT-2'],
  ['Llama whose cache Concat joins', 'packages/lora/test/fixtures/generation'],
  ['Qwen3 with GroupQueryAttention', 'tools/parity/fixtures/decoder-qwen3', 'onnx/model.onnx'],
  ['Llama in 4 bits', 'tools/parity/fixtures/decoder-llama-int4', 'onnx/model.onnx'],
]
const onCpu = ([, folder, file]: (typeof decoders)[number]) =>
  greedy('cpu', folder === undefined ? undefined : folderFiles(join(root, folder)), file)

describe.skipIf(!hasChromium)('in Chromium', () => {
  let opened: BundledPage
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/generation-page.ts'), { folder: root })
    await opened.page.evaluate('configureRuntime({ numThreads: 2 })')
  })
  afterAll(() => opened?.close())

  it('a signal that a timer fires ends a call, while the runtime computes on the same thread', async () => {
    expect(await opened.page.evaluate(`isAborted('wasm')`)).toBe(true)
  })

  describe.each(['wasm', 'webgpu'] as const)('%s', (device) => {
    it.each(decoders)('%s', async (...decoder) => {
      const call = [device, ...decoder.slice(1)].map((value) => JSON.stringify(value)).join(', ')
      expect(await opened.page.evaluate(`greedyFetched(${call})`)).toEqual(await onCpu(decoder))
    })
  })
})

describe.skipIf(!existsSync(process.env.VK_ICD_FILENAMES ?? ''))('webgpu in Node', () => {
  keepGpu()
  it.each(decoders)('%s', async (...decoder) => {
    const [, folder, file] = decoder
    const files = folder === undefined ? undefined : folderFiles(join(root, folder))
    expect(await greedy('webgpu', files, file)).toEqual(await onCpu(decoder))
  })
})
