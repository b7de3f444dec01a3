// Chat templates against transformers' apply_chat_template; fixtures/make-chat-templates.py made the numbers.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataError, createTokenizer, readTokenizer, type ChatMessage } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { wordLevel } from '../support/word-level.ts'

interface Fixture {
  conversations: ChatMessage[][]
  /** Text of each conversation without and with a generation prompt; null where the template refuses it. */
  templates: Record<string, { template: string; texts: [string | null, string | null][] }>
}

const { conversations, templates } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/chat-templates.json'), 'utf8'),
) as Fixture

const tokenizerJson = wordLevel({ a: 0, '<s>': 1, '</s>': 2 }, 'a')

const special = { bos_token: '<s>', eos_token: { content: '</s>', lstrip: false }, unk_token: 'a' }
const tokenizerOf = (chat_template: unknown) => createTokenizer(tokenizerJson, { ...special, chat_template })
const user = [{ role: 'user', content: 'hi' }]

describe('applyChatTemplate', () => {
  it.each(Object.keys(templates))('%s: like transformers', (name) => {
    const { template, texts } = templates[name] as Fixture['templates'][string]
    const { applyChatTemplate } = tokenizerOf(template)
    conversations.forEach((messages, i) => {
      for (const add_generation_prompt of [false, true]) {
        const expected = (texts[i] as (string | null)[])[Number(add_generation_prompt)] as string | null
        const render = () => applyChatTemplate(messages, { add_generation_prompt })
        const what = `${name}, conversation ${i}, ${add_generation_prompt}`
        if (expected === null) expect(render, what).toThrow(DataError)
        else expect(render(), what).toBe(expected)
      }
    })
  })

  it('names the roles that a template refuses, and the reason', () => {
    const { applyChatTemplate } = tokenizerOf(templates.gemma?.template)
    expect(() => applyChatTemplate([{ role: 'system', content: 'x' }, ...user])).toThrow(
      /chat_template: it refuses the messages, found System role not supported; roles system, user/,
    )
  })

  it('selects one of several templates by name', () => {
    const several = ['default', 'tool_use'].map((name) => ({ name, template: `${name}: {{ messages[0].content }}` }))
    const { applyChatTemplate } = tokenizerOf(several)
    expect(applyChatTemplate(user)).toBe('default: hi')
    expect(applyChatTemplate(user, { chat_template: 'tool_use' })).toBe('tool_use: hi')
    expect(() => applyChatTemplate(user, { chat_template: 'rag' })).toThrow(/expected default, tool_use, found rag/)
    expect(() => tokenizerOf('{{ 1 }}').applyChatTemplate(user, { chat_template: 'rag' })).toThrow(/it has no name/)
  })

  it('refuses a tokenizer without a template, and a template that cannot be parsed', () => {
    for (const none of [undefined, null, '', []])
      expect(() => tokenizerOf(none).applyChatTemplate(user)).toThrow(/chat_template: the tokenizer has none/)
    for (const broken of ['{% for message in messages %}{{ message', '{% if %}', '{{ messages | }}'])
      expect(() => tokenizerOf(broken).applyChatTemplate(user)).toThrow(/not a Jinja template that can be read/)
    for (const open of ['{% if messages %}a', '{% for message in messages %}{{ message.content }}', '{% set a %}b'])
      expect(() => tokenizerOf(open).applyChatTemplate(user)).toThrow(/found a block without its end, such as endif/)
  })
})

describe('readTokenizer', () => {
  const folder = temporaryFolders()('tokenizer')
  it('prefers chat_template.jinja to the template of tokenizer_config.json', async () => {
    writeText(folder, 'tokenizer.json', JSON.stringify(tokenizerJson))
    writeText(folder, 'tokenizer_config.json', JSON.stringify({ ...special, chat_template: 'config' }))
    expect((await readTokenizer(folder)).applyChatTemplate(user)).toBe('config')
    writeText(folder, 'chat_template.jinja', 'file {{ bos_token }}{{ eos_token }}\n')
    const tokenizer = await readTokenizer(folder)
    expect(tokenizer.applyChatTemplate(user)).toBe('file <s></s>')
    expect(tokenizer.specialTokens).toEqual({ bos_token: '<s>', eos_token: '</s>', unk_token: 'a' })
  })
})
