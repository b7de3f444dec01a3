// A tokenizer with options in place of what its files say. Loaded where there are any.

import { chatTemplateFile, type Files, readTokenizer } from '@cola/data'
import { ConfigError } from '../errors.ts'
import { addBosToken } from './add-bos-token.ts'
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
  if (!add_bos_token) return { tokenizer, files: templated }
  const changed = Object.entries(addBosToken(tokenizer, bos_token))
  const started = withTexts(
    templated,
    Object.fromEntries(changed.map(([name, json]) => [name, `${JSON.stringify(json, undefined, 2)}\n`])),
  )
  return { tokenizer: await readTokenizer(started), files: started }
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
