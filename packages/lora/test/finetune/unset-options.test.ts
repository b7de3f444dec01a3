// Options that are undefined are as if they were not there: defaults and what was saved stay.

import { defaultDevice } from '@cola/train'
import { expect, it } from 'vitest'
import { reopening, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readOptions } from '../../src/finetune/options.ts'
import { fineTune, loadFineTuned } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'
import { rows, texts } from '../support/one-or-many.ts'

const out = temporaryFolders()

it('keeps the defaults of the adapter', async () => {
  const lora = { r: 4, lora_alpha: undefined, target_modules: undefined } as never
  const read = await readOptions({ train: rows, lora }, { options: {} } as never)
  expect(read.lora).toEqual({ r: 4, lora_alpha: 16, target_modules: 'all-linear' })
})

it('opens the base as it was trained', async () => {
  const source = exportFolder(out, 'bert-seq-dynamo')
  const options = { train: rows, epochs: 1, device: defaultDevice(), quantization: { bits: 8 } } as const
  const tuned = await fineTune(source, options)
  const expected = await tuned.logits(texts)
  await tuned.save(out('saved'))
  await tuned.release()
  const opened = await loadFineTuned(out('saved'), {
    ...reopening(source),
    device: defaultDevice(),
    open: { quantization: undefined } as never,
  })
  expect(await opened.logits(texts)).toBeAllclose(expected, { atol: 1e-6 })
  await opened.release()
})
