// hiddenStates: what the head reads, token by token. The head's product with them must be the logits.

import { defaultDevice } from '@cola/train'
import { join } from 'node:path'
import { DataError } from '@cola/data'
import { toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { folderAt, temporaryFolders } from '../../../../tools/test-folders.ts'
import { type FineTuned, fineTune, openBase, openHiddenStates, type Pooling, type TextStates } from '../../src/index.ts'
import { exportFolder, exportNames } from '../support/export-folder.ts'

const out = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
const words = ['cats', 'dogs', 'girls', 'boys', 'book', 'lamp', 'key', 'king']
const train = words.map((word, i) => ({ text: `the ${word} sleep`, label: i % 2 ? 'b' : 'a' }))
const texts = ['the cats sleep in the garden', 'dogs', 'the girls near the lamp laugh', 'the key']

/** The logits that a head makes of pooled states. */
async function logitsOf(tuned: FineTuned, found: readonly TextStates[], pooling: Pooling): Promise<number[]> {
  const { graph } = await tuned.adapted()
  const parameter = (name: string) => [...graph.initializers].find(([key]) => new RegExp(name).test(key))?.[1]
  const weight = toFloat32(parameter('^(score|classifier)\\.weight$') as never)
  const bias = parameter('^(score|classifier)\\.bias$')
  const width = weight.length / 2
  return found.flatMap(({ input_ids, states }) => {
    const rows = pooling === 'mean' ? input_ids.map((_, i) => i) : [input_ids.length - 1]
    return [0, 1].map((label) => {
      let sum = 0
      for (const row of rows)
        for (let k = 0; k < width; k++)
          sum += ((states[row * width + k] as number) * (weight[label * width + k] as number)) / rows.length
      return sum + (bias ? (toFloat32(bias)[label] as number) : 0)
    })
  })
}

describe('hidden states of a fine-tuned model', () => {
  it.each([
    ['GPT-2’s weights, packed', embedded, 'last'],
    ...exportNames.flatMap((name) => [[name, exportFolder(out, name), undefined] as const]),
  ] as const)('%s: the head reads them', async (_, model, pooling) => {
    const tuned = await fineTune(model, { train, epochs: 2, learning_rate: 5e-3, device: defaultDevice() })
    const found = await tuned.hiddenStates(texts)
    expect(await logitsOf(tuned, found, pooling ?? tuned.settings.pooling)).toBeAllclose(await tuned.logits(texts), {
      atol: 2e-4,
    })
    expect(found.map(({ input_ids }) => input_ids)).toEqual(
      texts.map((text) => tuned.tokenizer.encodePlus(text).input_ids),
    )
    await tuned.release()
    await expect(tuned.hiddenStates(texts)).rejects.toThrow(/released/)
  })

  it('refuses a text that is none, and a model without a head', async () => {
    const tuned = await fineTune(embedded, { train, epochs: 1, device: defaultDevice() })
    await expect(tuned.hiddenStates(['a', 3 as never])).rejects.toThrow(DataError)
    const { head: _, ...bare } = await tuned.adapted()
    await expect(openHiddenStates(await openBase(embedded), bare as never)).rejects.toThrow(/no classification head/)
    await tuned.release()
  })
})
