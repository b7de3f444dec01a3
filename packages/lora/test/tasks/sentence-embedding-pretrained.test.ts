// FEATURE_EXTRACTION with an encoder that was pretrained.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { paraphrases } from '../../../../examples/tables/paraphrases.ts'
import { fineTune, type PairRow } from '../../src/index.ts'

const task = 'FEATURE_EXTRACTION'
const miniLm = join(import.meta.dirname, '../../../../../shared/data/minilm-l6')

describe.skipIf(!existsSync(miniLm))('fineTune with a pretrained encoder', () => {
  it('finds held-out paraphrases that the base does not', async () => {
    const all = paraphrases(1)
    const [train, held] = [all.slice(0, 192), all.slice(192)]
    const accuracyOf = async (options: { train: PairRow[]; learning_rate?: number }) => {
      const tuned = await fineTune(miniLm, { task, epochs: 1, ...options })
      const { metrics } = await tuned.evaluate(held)
      await tuned.release()
      return metrics.accuracy_at_1 as number
    }
    // An adapter's first values change nothing: without learning, the base is scored.
    const before = await accuracyOf({ train: train.slice(0, 2), learning_rate: 0 })
    expect(before).toBeLessThan(0.5)
    expect(await accuracyOf({ train })).toBeGreaterThan(before + 0.3)
  })
})
