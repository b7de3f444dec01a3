// Paths: transfer texts in a file of the disk, the folder of a teacher, and what is not there.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { DataError } from '@cola/data'
import { fineTune, sampleTexts } from '@cola/lora'
import { afterAll, describe, expect, it } from 'vitest'
import { distill, type DistillOptions, loadDistilled } from '../../src/index.ts'
import { transferTexts, transferTextsCheck } from '../../src/run/transfer-texts.ts'
import { kinds, modelFolder, oracle, rowsOf, tokenizer } from '../support/sentences.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-transfer-'))
afterAll(() => rmSync(out, { recursive: true }))

const all = rowsOf(120, 1)
const [rows, others] = [all.slice(0, 90), all.slice(90)]
const texts = others.slice(0, 6).map(({ text }) => text)
const student = { embedding_size: 12, hidden_size: 12 } as const
const quick = { student, tokenizer, epochs: 2, batch_size: 8, learning_rate: 2e-2, seed: 1, device: 'cpu' } as const
/** Labels that are all wrong: who learns the truth has it from the teacher alone. */
const wrong = rows.map(({ text, label }) => ({ text, label: kinds[(kinds.indexOf(label) + 1) % 3] as string }))
const { teacher, asked } = oracle()

async function losses(transfer: NonNullable<DistillOptions['transfer']>): Promise<number[]> {
  const { training, release } = await distill({ ...quick, teacher: oracle().teacher, train: wrong, transfer })
  await release()
  return training.history.map(({ train_loss }) => train_loss)
}

/** Writes a file. @returns Its path. */
function fileOf(name: string, content: string): string {
  writeFileSync(join(out, name), content)
  return join(out, name)
}

describe('transfer texts', () => {
  it('come from a file as from an array', async () => {
    const lines = texts.map((text, sample) => `${JSON.stringify({ text, sample })}\n`)
    const files = [fileOf('texts.jsonl', lines.join('')), fileOf('lines.txt', `${texts.join('\r\n\n')}\n`)]
    const right = await losses(texts)
    for (const file of files) expect(await losses(file)).toEqual(right)
    for (const file of files) {
      const picked = new File([readFileSync(file)], basename(file))
      const handle = { kind: 'file', name: picked.name, getFile: async () => picked } as const
      for (const one of [picked, handle]) {
        expect(transferTextsCheck[1](one)).toBe(true)
        expect(await transferTexts(one)).toEqual(texts)
      }
    }
  })

  it('are sampled from a language model, whose file a later run reads', async () => {
    const said = rows.slice(0, 60).map(({ text }) => ({ text }))
    const lm = { task: 'CAUSAL_LM', train: said, eos_token: '[CLS]', epochs: 3, learning_rate: 1e-2 } as const
    const model = await fineTune(modelFolder, { ...lm, device: 'cpu' })
    const file = join(out, 'sampled.jsonl')
    const options = { count: 8, unlike: said.map(({ text }) => text), seed: 1, file }
    const sampled = await sampleTexts(model, options)
    expect(sampled.length).toBe(8)
    const right = await losses(sampled)
    expect(await losses(file)).toEqual(right)
    expect(await losses(await sampleTexts(model, options))).toEqual(right)
    await model.release()
  })
})

it('a student is not written into the folder of one of its teachers', async () => {
  const tuned = await fineTune(modelFolder, { train: rows, epochs: 1, device: 'cpu' })
  const folder = join(out, 'exported')
  await tuned.export(folder)
  const found = await distill({ ...quick, teacher: [tuned, folder], train: rows, epochs: 1 })
  await tuned.release()
  const files = readdirSync(folder)
  await expect(found.save(`${folder}/`)).rejects.toThrow(/^save, folder .*exported.*: the teacher lies there/)
  await expect(found.export(folder)).rejects.toThrow(/^export, folder .*: the teacher lies there/)
  expect(readdirSync(folder)).toEqual(files)
  await found.release()
  const alone = await distill({ ...quick, teacher: pathToFileURL(`${folder}/`), train: rows, epochs: 1 })
  await expect(alone.save(folder)).rejects.toThrow(/^save, folder .*exported: the teacher lies there/)
  await alone.release()
})

it('a student is not written into the folder of its tokenizer, and as a classifier into its own', async () => {
  const [own, saved] = [join(out, 'tokenizer'), join(out, 'saved')]
  cpSync(modelFolder, own, { recursive: true })
  const found = await distill({ ...quick, tokenizer: own, train: rows, epochs: 1 })
  await expect(found.save(own)).rejects.toThrow(/^save, folder .*tokenizer: the tokenizer lies there/)
  await found.save(saved)
  await found.release()
  const opened = await loadDistilled(saved)
  await opened.export(saved)
  await opened.save(saved)
  await opened.release()
  await (await loadDistilled(saved)).release()
})

it.each([
  [{ teacher: join(out, 'nowhere') }, /nowhere": no such folder/],
  [{ transfer: join(out, 'nowhere.jsonl') }, /nowhere\.jsonl/],
  [{ transfer: join(out, 'nowhere.txt') }, /nowhere\.txt: no such file/],
  [
    { transfer: fileOf('other.jsonl', '{"sentence":"a book"}\n') },
    /other\.jsonl.*field "text": the row has no such field.*Rename [^.]* to text\.$/,
  ],
  [
    { transfer: fileOf('types.json', '[{"text":"a book"},{"text":7}]') },
    /transfer, row 2 \(.*types\.json, row 2\), field "text": not a text, .* 7/,
  ],
  [
    { transfer: fileOf('null.jsonl', '\n{"text":null}\n') },
    /transfer, row 1 \(.*null\.jsonl, line 2\), field "text": not a text, .* null/,
  ],
  [{ transfer: fileOf('list.json', '["a book"]') }, /list\.json, row 1: no object, expected .*, found "a book"/],
])('refuses %j, before the teacher is asked', async (change, message) => {
  const options = { ...quick, teacher, train: rows, ...change } as DistillOptions
  await expect(distill(options)).rejects.toThrow(DataError)
  await expect(distill(options)).rejects.toThrow(message)
  expect(asked).toEqual([])
})
