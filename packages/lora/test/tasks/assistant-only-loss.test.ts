// assistant_only_loss: labels at the turns of the assistant alone, against return_assistant_tokens_mask of transformers
// (make-assistant-masks.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChatMessage, ConfigError, DataError, memorySink } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { fineTune, loadFineTuned, openBase } from '../../src/index.ts'
import { causalLanguageModel as task } from '../../src/tasks/causal-language-model.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

interface Case {
  name: string
  template: string
  examples: { messages: ChatMessage[]; text: string; input_ids: number[]; assistant_masks: number[] }[]
}
const fixture = join(import.meta.dirname, '../fixtures/assistant-masks.json')
const cases: Case[] = JSON.parse(readFileSync(fixture, 'utf8'))
const trl = cases[0] as Case

const rowsIn = (examples: Case['examples']) => examples.map(({ messages }) => ({ messages }))

const withoutMarks = (template: string): string =>
  template.replaceAll(/{%(-?) (end)?generation (-?)%}/g, '{%$1 if true $3%}{%$1 endif $3%}')

async function encoded(chat_template: string, rows: { messages: ChatMessage[] }[], max_length = 99) {
  const base = await openBase(embeddedFiles({ chat_template, eos_token: '[CLS]' }))
  const settings = await task.settings(rows, { assistant_only_loss: true }, base, 1)
  return task.encode(rows, settings, { base, max_length, where: 'train' }).examples
}

describe.each(cases)('template $name', ({ template, examples }) => {
  const right = examples.map(({ input_ids, assistant_masks }) => ({
    input_ids,
    labels: input_ids.map((id, at) => (assistant_masks[at] ? id : -100)),
  }))

  it('has the tokens and labels of transformers', async () => {
    expect(await encoded(template, rowsIn(examples))).toEqual(right)
  })

  it('has those of cut texts', async () => {
    const cut = right.map(({ input_ids, labels }) => ({
      input_ids: input_ids.slice(0, 28),
      labels: labels.slice(0, 28),
    }))
    expect(await encoded(template, rowsIn(examples), 28)).toEqual(cut)
  })
})

it('finds the same turns by prefixes, of a template without marks', async () => {
  const plain = await encoded(withoutMarks(trl.template), rowsIn(trl.examples))
  expect(plain).toEqual(await encoded(trl.template, rowsIn(trl.examples)))
})

describe('is refused', () => {
  const messages: ChatMessage[] = [
    { role: 'user', content: 'the girls' },
    { role: 'assistant', content: 'sleep' },
    { role: 'user', content: 'the boys' },
    { role: 'assistant', content: 'laugh' },
  ]
  it('a conversation without a turn of the assistant, named by its row', async () => {
    const rows = [{ messages }, { messages: messages.slice(0, 1) }]
    for (const template of [trl.template, withoutMarks(trl.template)]) {
      const run = encoded(template, rows)
      await expect(run).rejects.toThrow(DataError)
      await expect(run).rejects.toThrow(/^train, row 2: no turn of the assistant.*found user/)
    }
  })

  it('a template that leaves out earlier turns, with what to do', async () => {
    const last =
      '{% for m in messages %}{% if loop.last or m.role == "user" %}{{ m.role }} {{ m.content }} {% endif %}{% endfor %}'
    const run = encoded(last, [{ messages }])
    await expect(run).rejects.toThrow(DataError)
    await expect(run).rejects.toThrow(/^train, row 1, message 2, chat_template: .*otherwise than.*{% generation %}/)
  })

  it('rows of another form', async () => {
    const run = fineTune(embeddedFiles({}), { task: 'CAUSAL_LM', train: [{ text: 'a' }], assistant_only_loss: true })
    await expect(run).rejects.toThrow(ConfigError)
    await expect(run).rejects.toThrow(/option assistant_only_loss: .*expected rows with messages, found rows with text/)
  })
})

it('trains, is saved, and scores the assistant\u2019s tokens again', async () => {
  const files = embeddedFiles({ chat_template: trl.template, eos_token: '[CLS]' })
  const train = rowsIn(trl.examples).slice(0, 1)
  const tuned = await fineTune(files, { task: 'CAUSAL_LM', train, epochs: 1, assistant_only_loss: true })
  const before = await tuned.evaluate(train)
  expect(before.predictions[0]?.tokens).toBe(2)
  const saved = memorySink()
  await tuned.save(saved)
  await tuned.release()
  const opened = await loadFineTuned(saved, { task: 'CAUSAL_LM', base: files })
  expect((await opened.evaluate(train)).predictions).toEqual(before.predictions)
  await opened.release()
})
