// The golden cases, as numbers from PyTorch, transformers and PEFT. See docs/results.md, "Golden cases", for the
// command on other folders.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keepGpu } from '../kept-gpu.ts'
import { runCase } from './cases.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const swiftshader = process.env.VK_ICD_FILENAMES ?? ''

describe('golden cases', () => {
  keepGpu()
  for (const name of readdirSync(fixtures)) {
    it(`${name} on cpu`, async () => {
      for (const { kind, worst, tensor } of await runCase(join(fixtures, name), 'cpu'))
        expect(worst, `${kind}: ${tensor}`).toBeLessThanOrEqual(1)
    })
    it.skipIf(!existsSync(swiftshader))(`${name} on webgpu`, async () => {
      for (const { kind, worst, tensor } of await runCase(join(fixtures, name), 'webgpu'))
        expect(worst, `${kind}: ${tensor}`).toBeLessThanOrEqual(1)
    })
  }
})
