// Options that are undefined are as if they were not there: defaults and what was saved stay.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readOptions } from '../../src/finetune/options.ts'
import { fineTune, loadFineTuned } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'
import { rows, texts } from '../support/one-or-many.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-unset-'))
afterAll(() => rmSync(out, { recursive: true }))

it('keeps the defaults of the adapter', async () => {
  const lora = { r: 4, lora_alpha: undefined, target_modules: undefined } as never
  const read = await readOptions({ train: rows, lora }, { options: {} } as never)
  expect(read.lora).toEqual({ r: 4, lora_alpha: 16, target_modules: 'all-linear' })
})

it('opens the base as it was trained', async () => {
  const source = exportFolder(out, 'bert-seq-dynamo')
  const options = { train: rows, epochs: 1, device: 'cpu', quantization: { bits: 8 } } as const
  const tuned = await fineTune(source, options)
  const expected = await tuned.logits(texts)
  await tuned.save(join(out, 'saved'))
  await tuned.release()
  const opened = await loadFineTuned(join(out, 'saved'), { device: 'cpu', open: { quantization: undefined } as never })
  expect(await opened.logits(texts)).toBeAllclose(expected, { atol: 1e-6 })
  await opened.release()
})
