// The start and end tokens of a language model's texts.

import { readJson } from '@cola/train/files'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'

const generationFile = 'generation_config.json'

/** The ids in a field of a configuration, one or several, that are in the embedding table. */
const idsOf = (value: unknown, { vocab_size }: BaseModel): number[] =>
  [value]
    .flat()
    .filter((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocab_size)

/** The id of one of tokenizer_config.json's special tokens. */
const specialId = ({ tokenizer }: BaseModel, name: string): number | undefined =>
  tokenizer.tokenToId(tokenizer.specialTokens[name] ?? '')

/**
 * Tokens that end a text: the tokenizer's `eos_token` or the one that is named, then those of generation_config.json,
 * else of config.json. The first is put behind training texts.
 * @throws {ConfigError} for a name that is no token.
 */
export function endTokens(base: BaseModel, eos_token: string | undefined): number[] {
  const endToken = eos_token === undefined ? specialId(base, 'eos_token') : base.tokenizer.tokenToId(eos_token)
  if (endToken === undefined && eos_token !== undefined)
    throw new ConfigError({
      where: 'fineTune, option eos_token',
      what: 'not a token of the vocabulary',
      found: JSON.stringify(eos_token),
    })
  const others = idsOf(generationConfig(base).eos_token_id ?? base.config.eos_token_id, base)
  return [...new Set([...(endToken === undefined ? [] : [endToken]), ...others])]
}

/** generation_config.json beside the model; empty where there is none. */
const generationConfig = ({ files }: BaseModel): { eos_token_id?: unknown } =>
  files.has(generationFile) ? (readJson(files, generationFile) as { eos_token_id?: unknown }) : {}

/** The first token of a text without a prompt: the start token, else an end token; undefined without either. */
export function startTokens(base: BaseModel): number[] {
  const { bos_token_id, eos_token_id } = base.config
  const special = ['bos_token', 'eos_token'].map((name) => specialId(base, name))
  const [first] = idsOf([special[0], bos_token_id, special[1], eos_token_id].flat(), base)
  return first === undefined ? [] : [first]
}
