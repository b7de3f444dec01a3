// What fineTune and its models say of folders of the disk.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { fineTune, loadFineTuned } from '../../src/index.ts'
import { rows } from '../support/one-or-many.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-fine-tune-'))
afterAll(() => rmSync(out, { recursive: true }))

it('a model is neither saved nor exported into the folder of its base', async () => {
  const folder = join(out, 'base')
  cpSync(join(import.meta.dirname, '../../../../examples/model'), folder, { recursive: true })
  mkdirSync(join(folder, 'onnx'))
  const before = readdirSync(folder)
  const one = await fineTune(folder, { train: rows, epochs: 1, batch_size: 4 })
  await expect(one.export(join(out, 'other', '..', 'base'))).rejects.toThrow(/the base model lies there/)
  await expect(one.save(`${folder}/`)).rejects.toThrow(/^save, folder .*base\/: the base model lies there/)
  symlinkSync(folder, join(out, 'link'))
  for (const same of [join(folder, 'onnx'), join(out, 'link')])
    await expect(one.export(same), same).rejects.toThrow(/the base model lies there/)
  expect(readdirSync(folder)).toEqual(before)
  await one.release()
})

it('a folder without a model, and a folder that is no fine-tuned model, are refused', async () => {
  await expect(fineTune(join(out, 'nowhere'), { train: rows })).rejects.toThrow(/nowhere/)
  mkdirSync(join(out, 'empty'))
  await expect(loadFineTuned(join(out, 'empty'))).rejects.toThrow(/no fine_tuned.json.*found no files\.?$/)
})
