// Where wasm has no memory for the weights of two sessions, training and evaluation take turns: the same numbers.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import type { Refused, refusals, train } from '../support/refusing-page.ts'

type Trained = Awaited<ReturnType<typeof train>>

describe.skipIf(!hasChromium)('a runtime that refuses memory', () => {
  let opened: BundledPage
  let ordinary: Trained
  const trained = (what: Refused) => opened.page.evaluate<Trained>(`train('${what}')`)
  beforeAll(async () => {
    opened = await openBundled(join(import.meta.dirname, '../support/refusing-page.ts'))
    await opened.page.evaluate(`train('nothing')`)
    ordinary = await trained('nothing')
  })
  afterAll(() => opened?.close())

  it('is not needed to hold two sessions at once', () => {
    expect(ordinary).toMatchObject({ warnings: [], most: 2, left: 0 })
    expect(ordinary.numbers.history).toHaveLength(2)
  })
  it.each([
    ['second session', 1],
    ['training run', 2],
    ['evaluation run', 2],
  ] as const)('for a %s trains and evaluates by turns, to the same numbers, and says so once', async (what, most) => {
    const run = await trained(what)
    expect(run.numbers).toEqual(ordinary.numbers)
    expect(run).toMatchObject({ most, left: 0 })
    expect(run.warnings).toEqual([
      expect.stringMatching(/^The runtime's memory has no room for two sessions of the model\. .* take turns/),
    ])
  })
  it('for every session says in plain words what is too large, and what to do', async () => {
    const errors = await opened.page.evaluate<Awaited<ReturnType<typeof refusals>>>('refusals()')
    expect(Object.keys(errors)).toEqual(['training', 'evaluation', 'serving'])
    for (const error of Object.values(errors))
      expect(error).toMatch(
        /^ModelError: model ".*": too large for the free memory of device "wasm", found .*bad_alloc\. Open it in fewer bits .*4 GB/,
      )
  })
})
