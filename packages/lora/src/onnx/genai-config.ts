// The configuration of a model by onnxruntime-genai's builder, which writes a file of its own in place of config.json.
// Loaded for such a model.

import { fetchFiles, type Files, placeOf } from '@cola/data'
import { defined } from '@cola/graph/options'
import { readJson } from '@cola/train/files'
import { ConfigError } from '../errors.ts'
import { isDecoder } from './decoders.ts'
import { modelTypeOf } from './prefixes.ts'

const genaiFile = 'genai_config.json'

/** Fields of `model`, and of the `decoder` in it, by their names in config.json. */
const fields = {
  vocab_size: 'vocab_size',
  bos_token_id: 'bos_token_id',
  eos_token_id: 'eos_token_id',
  pad_token_id: 'pad_token_id',
  max_position_embeddings: 'context_length',
  hidden_size: 'hidden_size',
  num_hidden_layers: 'num_hidden_layers',
  num_attention_heads: 'num_attention_heads',
  num_key_value_heads: 'num_key_value_heads',
  head_dim: 'head_size',
} as const

type Fields = Readonly<Record<string, unknown>>

/** Brings what is in the place of config.json. @throws {HubError} for a repository that has neither. */
export async function fetchConfig(files: Files): Promise<void> {
  await fetchFiles(files, [{ path: genaiFile, optional: true }])
  if (!files.has(genaiFile)) await fetchFiles(files, [{ path: 'config.json', optional: !files.fetch }])
}

/**
 * What genai_config.json has of config.json: the type, sizes, heads and special tokens.
 * @throws {ConfigError} for a model that is not known to be a decoder by its type alone, and for a missing field.
 */
export function genaiConfig(files: Files): Fields & { model_type: string } {
  const { model } = (readJson(files, genaiFile) ?? {}) as { model?: Fields }
  const found: Fields = { ...model, ...(model?.decoder as Fields | undefined) }
  const model_type = typeof model?.type === 'string' ? modelTypeOf(model.type) : undefined
  if (model_type === undefined || !isDecoder(model_type))
    throw incomplete(files, 'model.type', 'the type of a decoder, such as llama or qwen2', model?.type)
  const config = Object.entries(fields).map(([name, theirs]) => [name, found[theirs]] as const)
  // The tokenizer names special tokens too.
  const missing = config.find(([name, value]) => value === undefined && !name.endsWith('_token_id'))
  if (missing) throw incomplete(files, fields[missing[0] as keyof typeof fields], 'a number', undefined)
  return { ...defined(Object.fromEntries(config)), model_type }
}

const incomplete = (files: Files, field: string, expected: string, found: unknown): ConfigError =>
  new ConfigError({
    where: `${placeOf(files, genaiFile)}, field "${field}"`,
    what: 'it does not say what config.json says, which is not there',
    expected,
    found: found === undefined ? 'nothing' : JSON.stringify(found),
    fix: 'Copy config.json of the model that it was built from into the folder.',
  })
