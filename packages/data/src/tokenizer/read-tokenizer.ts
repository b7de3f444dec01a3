// Reads a tokenizer, wherever its files lie.

import { checkOptions } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { placeOf } from '../files/files.ts'
import { openFiles, openFilesChecks, type OpenFilesOptions, type Source } from '../open/open-files.ts'
import { decodeText } from '../source/decode.ts'
import { chatTemplateFile, requireObject, type Tokenizer, type TokenizerConfig, tokenizerOf } from './tokenizer.ts'

/**
 * Reads tokenizer.json, tokenizer_config.json and chat_template.jinja, which replaces the template of the latter.
 * @param source A folder, a repository on the hub, an address, picked files or bytes.
 * @throws {DataError | HubError} naming the file or URL.
 */
export async function readTokenizer(source: Source, options: OpenFilesOptions = {}): Promise<Tokenizer> {
  checkOptions('readTokenizer', options, openFilesChecks)
  const optional = ['tokenizer_config.json', chatTemplateFile].map((path) => ({ path, optional: true }))
  const files = await openFiles(source, { ...options, files: [{ path: 'tokenizer.json' }, ...optional] })
  const text = (name: string) => decodeText(files.read(name), { where: placeOf(files, name) })
  const parse = (name: string): object => {
    try {
      const value: unknown = JSON.parse(text(name))
      requireObject(value, placeOf(files, name))
      return value as object
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause
      throw new DataError({ where: placeOf(files, name), what: 'not JSON', found: cause.message }, { cause })
    }
  }
  const json = parse('tokenizer.json')
  const config: TokenizerConfig = {
    ...(files.has('tokenizer_config.json') ? parse('tokenizer_config.json') : {}),
    ...(files.has(chatTemplateFile) ? { chat_template: text(chatTemplateFile) } : {}),
  }
  // Loaded where there is a template: bundles have a part of its own for it.
  return tokenizerOf(json, config, config.chat_template ? (await import('./render-chat.ts')).chatTemplateOf : undefined)
}
