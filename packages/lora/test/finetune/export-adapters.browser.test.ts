// In Chromium: a page that has the runtime alone generates with each of two exported adapters.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import { exportAdapters } from '../../src/index.ts'
import { type TwoAdapters, twoAdapters } from '../support/two-adapters.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-adapters-page-'))
afterAll(() => rmSync(out, { recursive: true }))

describe.skipIf(!hasChromium)('a page on wasm', () => {
  let opened: BundledPage
  let two: TwoAdapters
  beforeAll(async () => {
    two = await twoAdapters(out)
    const folder = join(out, 'exported')
    await exportAdapters(folder, two.base, two.adapters)
    opened = await openBundled(join(import.meta.dirname, '../support/adapters-page.ts'), { folder })
  })
  afterAll(() => opened?.close())

  it('gives each adapter the tokens that it gives alone, in turn', async () => {
    const { prompt, greedy } = two
    const names = ['peft', 'own', 'peft'] as const
    const call = [names, prompt, greedy.peft.length].map((value) => JSON.stringify(value)).join(', ')
    expect(await opened.page.evaluate(`greedyWith(${call})`)).toEqual(names.map((name) => greedy[name]))
  })
})
