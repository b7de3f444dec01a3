// What fineTune and its models say of folders of the disk.

import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { fineTune, loadFineTuned } from '../../src/index.ts'
import { chat_template, embeddedFiles } from '../support/embedded-files.ts'
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

it('a folder that is saved into again has the files of the last model alone', async () => {
  const base = embeddedFiles({ chat_template: undefined })
  const run = { epochs: 1, batch_size: 4, lora: { r: 1 } }
  const classifier = await fineTune(base, { train: rows, ...run })
  const train = [{ text: 'the girls sleep.' }]
  const speaker = await fineTune(base, { task: 'CAUSAL_LM', train, ...run, open: { chat_template } })
  const [first, second, both] = ['first', 'second', 'both'].map((name) => join(out, name)) as [string, string, string]
  await classifier.save(first)
  await speaker.save(second)
  const [ofClassifier, ofSpeaker] = [readdirSync(first), readdirSync(second)]
  expect(ofClassifier.filter((name) => !ofSpeaker.includes(name))).toEqual(['head_config.json'])
  expect(ofSpeaker.filter((name) => !ofClassifier.includes(name))).toEqual(['chat_template.jinja'])
  mkdirSync(both)
  writeFileSync(join(both, 'notes.txt'), 'mine')
  for (const [model, names] of [
    [classifier, ofClassifier],
    [speaker, ofSpeaker],
    [classifier, ofClassifier],
  ] as const) {
    await model.save(both)
    expect(readdirSync(both)).toEqual([...names, 'notes.txt'].sort())
  }
  await classifier.release()
  await speaker.release()
})

it('a folder without a model, and a folder that is no fine-tuned model, are refused', async () => {
  await expect(fineTune(join(out, 'nowhere'), { train: rows })).rejects.toThrow(/nowhere/)
  mkdirSync(join(out, 'empty'))
  await expect(loadFineTuned(join(out, 'empty'))).rejects.toThrow(/no fine_tuned.json.*found no files\.?$/)
})
