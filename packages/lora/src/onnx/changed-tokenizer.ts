// A tokenizer with options in place of what its files say. Loaded where there are any.

import { chatTemplateFile, type Files, readTokenizer, type Tokenizer } from '@cola/data'
import { show } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import { addBosToken } from './add-bos-token.ts'
import { leavesOut } from './left-out.ts'
import type { OpenedTokenizer, TokenizerOptions } from './tokenizer-options.ts'

/** A tokenizer with a chat template, or a start token before texts, as if its files had them. */
export async function changedTokenizer(files: Files, options: TokenizerOptions): Promise<OpenedTokenizer> {
  const { chat_template, add_bos_token = false, bos_token } = options
  if (bos_token !== undefined && !add_bos_token)
    throw new ConfigError({
      where: 'option bos_token',
      what: 'no token is put before texts',
      fix: 'Give add_bos_token: true with it.',
    })
  const templated = chat_template === undefined ? files : withTexts(files, { [chatTemplateFile]: chat_template })
  const tokenizer = await readTokenizer(templated)
  if (chat_template !== undefined) requireContents(tokenizer, chat_template)
  if (!add_bos_token) return { tokenizer, files: templated }
  const changed = Object.entries(addBosToken(tokenizer, bos_token))
  const started = withTexts(
    templated,
    Object.fromEntries(changed.map(([name, json]) => [name, `${JSON.stringify(json, undefined, 2)}\n`])),
  )
  return { tokenizer: await readTokenizer(started), files: started }
}

const turns = ['user', 'assistant'].map((role) => ({ role, content: role }))

/** @throws {ConfigError} for a template that writes nothing of any message. */
function requireContents(tokenizer: Tokenizer, chat_template: string): void {
  if (!turns.every((_, i) => leavesOut(tokenizer, turns.slice(0, i + 1)))) return
  throw new ConfigError({
    where: 'option chat_template',
    what: 'a template that writes nothing of the messages',
    expected: 'Jinja that writes message.content',
    found: show(chat_template),
    fix: "Give the template's text, as chat_template.jinja has it: names, such as TRL's, are not known here.",
  })
}

/** Files with texts in place of what they have. */
function withTexts(files: Files, texts: Readonly<Record<string, string>>): Files {
  const bytes = new Map(Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]))
  return {
    ...files,
    names: () => [...new Set([...files.names(), ...bytes.keys()])].sort(),
    has: (name) => bytes.has(name) || files.has(name),
    size: (name) => bytes.get(name)?.length ?? files.size(name),
    read: (name, begin, end) => bytes.get(name)?.subarray(begin, end) ?? files.read(name, begin, end),
  }
}
