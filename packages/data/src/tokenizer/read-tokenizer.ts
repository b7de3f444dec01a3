// Reads a tokenizer, wherever its files lie.

import { checkOptions } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { placeOf } from '../files/files.ts'
import { openFiles, openFilesChecks, type OpenFilesOptions, type Source } from '../open/open-files.ts'
import { chatTemplateFile } from './chat-template.ts'
import type { Tokenizer } from './tokenizer.ts'
import { requireObject, type TokenizerConfig, tokenizerOf } from './tokenizer-of.ts'

/**
 * Reads tokenizer.json, tokenizer_config.json and chat_template.jinja, which replaces the template of the latter.
 * @param source A folder, a repository on the hub, an address, picked files or bytes.
 * @throws {DataError | HubError} naming the file or URL.
 */
export async function readTokenizer(source: Source, options: OpenFilesOptions = {}): Promise<Tokenizer> {
  checkOptions('readTokenizer', options, openFilesChecks)
  const optional = ['tokenizer_config.json', chatTemplateFile].map((path) => ({ path, optional: true }))
  const files = await openFiles(source, { ...options, files: [{ path: 'tokenizer.json' }, ...optional] })
  const text = (name: string) => decoded(files.read(name), placeOf(files, name))
  const parse = async (name: string): Promise<object> => {
    try {
      const value: unknown = JSON.parse(await text(name))
      requireObject(value, placeOf(files, name))
      return value as object
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause
      throw new DataError({ where: placeOf(files, name), what: 'not JSON', found: cause.message }, { cause })
    }
  }
  const json = await parse('tokenizer.json')
  const config: TokenizerConfig = {
    ...(files.has('tokenizer_config.json') ? await parse('tokenizer_config.json') : {}),
    ...(files.has(chatTemplateFile) ? { chat_template: await text(chatTemplateFile) } : {}),
  }
  // Loaded where there is a template: bundles have a part of its own for it.
  return tokenizerOf(json, config, config.chat_template ? (await import('./render-chat.ts')).chatTemplateOf : undefined)
}

/** Other encodings, by their marks, and what is no text are for a part of its own in bundles. */
const decoded = async (bytes: Uint8Array, where: string): Promise<string> =>
  plainText(bytes) ?? (await import('../source/decode.ts')).decodeText(bytes, { where })

/** Text in UTF-8 without NUL characters, undefined for other bytes. */
function plainText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}
