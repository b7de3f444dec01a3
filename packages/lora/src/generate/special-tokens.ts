// The start and end tokens of a language model's texts.

import type { Files, Tokenizer } from '@cola/data'
import { readJson } from '@cola/train/files'
import { ConfigError } from '../errors.ts'

/** What names a language model's start and end tokens: an open base model, or what there is of it. */
export interface TokenSource {
  readonly config: object
  readonly tokenizer: Pick<Tokenizer, 'tokenToId' | 'specialTokens'>
  /** Rows of the embedding table. */
  readonly vocab_size: number
  /** Where generation_config.json may be. @default nowhere */
  readonly files?: Files
  /** How the model was opened: its own chat template takes the place of those with names. */
  readonly origin?: { readonly chat_template?: string }
}

const generationFile = 'generation_config.json'

/** Fields of config.json and generation_config.json. */
interface SpecialIds {
  readonly bos_token_id?: unknown
  readonly eos_token_id?: unknown
}

/** The ids in a field of a configuration, one or several, that are in the embedding table. */
const idsOf = (value: unknown, { vocab_size }: TokenSource): number[] =>
  [value]
    .flat()
    .filter((id): id is number => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < vocab_size)

/** The id of one of tokenizer_config.json's special tokens. */
const specialId = ({ tokenizer }: TokenSource, name: string): number | undefined =>
  tokenizer.tokenToId(tokenizer.specialTokens[name] ?? '')

/**
 * Tokens that end a text: the tokenizer's `eos_token` or the one that is named, then those of generation_config.json,
 * else of config.json. The first is put behind training texts.
 * @throws {ConfigError} for a name that is no token.
 */
export function endTokens(base: TokenSource, eos_token: string | undefined): number[] {
  const endToken = eos_token === undefined ? specialId(base, 'eos_token') : base.tokenizer.tokenToId(eos_token)
  if (endToken === undefined && eos_token !== undefined)
    throw new ConfigError({
      where: 'fineTune, option eos_token',
      what: 'not a token of the vocabulary',
      found: JSON.stringify(eos_token),
    })
  const others = idsOf(generationConfig(base).eos_token_id ?? (base.config as SpecialIds).eos_token_id, base)
  return [...new Set([...(endToken === undefined ? [] : [endToken]), ...others])]
}

/** generation_config.json beside the model; empty where there is none. */
const generationConfig = ({ files }: TokenSource): SpecialIds =>
  files?.has(generationFile) ? (readJson(files, generationFile) as SpecialIds) : {}

/** The first token of a text without a prompt: the start token, else an end token; undefined without either. */
export function startTokens(base: TokenSource): number[] {
  const { bos_token_id, eos_token_id } = base.config as SpecialIds
  const special = ['bos_token', 'eos_token'].map((name) => specialId(base, name))
  const [first] = idsOf([special[0], bos_token_id, special[1], eos_token_id].flat(), base)
  return first === undefined ? [] : [first]
}
