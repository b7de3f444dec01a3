// A tokenizer's files beside a model or an adapter.

import { requireKind } from '@cola/graph/door'
import { chatTemplateFile, type Files, type FileSink, type Tokenizer, type TokenizerFiles } from '@cola/data'
import { FileError } from '../errors.ts'
import { filesOf, readJson, sinkOf, writeJson } from '../files/files.ts'

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json'] satisfies (keyof TokenizerFiles)[]

/** Writes a tokenizer's files. @throws {FileError} when they cannot be written. */
export function writeTokenizer(tokenizer: Pick<Tokenizer, 'files'>, folder: string | FileSink): void {
  requireKind('writeTokenizer, tokenizer', tokenizer, 'object')
  const { files } = tokenizer
  for (const name of tokenizerFiles) writeJson(sinkOf(folder), name, files[name])
}

/**
 * Copies a tokenizer's files, and removes those that another tokenizer left there and this one has not.
 * @param from A folder; of what has to be fetched first, or was picked, `await openFiles(source, { files: names })`.
 * @throws {FileError} where there are none, and when they cannot be read or written.
 */
export function copyTokenizer(from: string | Files, to: string | FileSink): void {
  const files = filesOf(from)
  const all = [...tokenizerFiles, chatTemplateFile]
  const names = all.filter((name) => files.has(name))
  if (names.length === 0)
    throw new FileError({
      where: files.where,
      what: 'no tokenizer',
      expected: tokenizerFiles.join(', '),
      fix: "Of a hub or an address, give await openFiles(source, { files: ['tokenizer.json'] }).",
    })
  const sink = sinkOf(to)
  for (const name of names) sink.write(name, [files.read(name)])
  for (const name of all) if (!names.includes(name)) sink.remove?.(name)
}

/** A chat template that has a file of its own, as the field of tokenizer_config.json where transformers.js reads it. */
export function chatTemplateField(from: string | Files): { chat_template?: string } {
  const files = filesOf(from)
  return files.has(chatTemplateFile) ? { chat_template: new TextDecoder().decode(files.read(chatTemplateFile)) } : {}
}

/**
 * Writes a folder's tokenizer_config.json with further fields, if there are any.
 * @throws {FileError} when the files cannot be read or written.
 */
export function extendTokenizerConfig(
  from: string | Files,
  to: string | FileSink,
  fields: Readonly<Record<string, unknown>>,
): void {
  if (Object.keys(fields).length === 0) return
  const [files, name] = [filesOf(from), 'tokenizer_config.json']
  const config = files.has(name) ? (readJson(files, name) as object) : {}
  writeJson(sinkOf(to), name, { ...config, ...fields })
}
