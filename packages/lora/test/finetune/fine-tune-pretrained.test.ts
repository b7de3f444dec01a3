// fineTune with an encoder that was pretrained.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { intentRows } from '../../../../examples/tables/intents.ts'
import { fineTune } from '../../src/index.ts'

const miniLm = join(import.meta.dirname, '../../../../../shared/data/minilm-l6')

describe.skipIf(!existsSync(miniLm))('fineTune with a pretrained encoder', () => {
  it('reaches more than 0.9 on a three-class table of 180 rows, with the defaults', async () => {
    const all = intentRows(3)
    const tuned = await fineTune(miniLm, { train: all.slice(36), validation: 0.2 })
    const { metrics } = await tuned.evaluate(all.slice(0, 36))
    expect(metrics.accuracy).toBeGreaterThan(0.9)
    await tuned.release()
  })
})
