// The tokens that begin and end a text of a language model.

import { fileSystem, hasFiles, paths, readJson } from '@cola/train'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base.ts'

/** Ids of a field of a configuration, one or several, that the embedding table has. */
const idsOf = (value: unknown, { vocabularySize }: BaseModel): number[] =>
  [value]
    .flat()
    .filter((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocabularySize)

/** The id of one of tokenizer_config.json's special tokens. */
const specialId = ({ tokenizer }: BaseModel, name: string): number | undefined =>
  tokenizer.tokenToId(tokenizer.specialTokens[name] ?? '')

/**
 * Tokens that end a text: the tokenizer's `eos_token` or the one that is named, then those of generation_config.json,
 * else of config.json. The first is put behind training texts.
 * @throws {ConfigError} for a name that is no token.
 */
export function endTokens(base: BaseModel, eos_token: string | undefined): number[] {
  const own = eos_token === undefined ? specialId(base, 'eos_token') : base.tokenizer.tokenToId(eos_token)
  if (own === undefined && eos_token !== undefined)
    throw new ConfigError({
      where: 'fineTune, option eos_token',
      what: 'not a token of the vocabulary',
      found: JSON.stringify(eos_token),
    })
  const others = idsOf(generationConfig(base).eos_token_id ?? base.config.eos_token_id, base)
  return [...new Set([...(own === undefined ? [] : [own]), ...others])]
}

/** generation_config.json beside the model; empty where there is none. */
function generationConfig({ folder }: BaseModel): { eos_token_id?: unknown } {
  if (!hasFiles()) return {}
  const path = paths().join(folder, 'generation_config.json')
  return fileSystem().existsSync(path) ? (readJson(path) as { eos_token_id?: unknown }) : {}
}

/** The token that begins a text out of nothing: the start token, else an end token; none where there is neither. */
export function startTokens(base: BaseModel): number[] {
  const { bos_token_id, eos_token_id } = base.config
  const own = ['bos_token', 'eos_token'].map((name) => specialId(base, name))
  const [first] = idsOf([own[0], bos_token_id, own[1], eos_token_id].flat(), base)
  return first === undefined ? [] : [first]
}
