// Puts a tokenizer's start token before each text, as transformers' `add_bos_token` does.

import type { Tokenizer, TokenizerFiles } from '@cola/data'
import { ConfigError } from '../errors.ts'

/** A special token of a template. */
interface SpecialToken {
  readonly id: number
  readonly content: string
}

/** The parts of tokenizer.json that name tokens. */
interface TokenNames {
  added_tokens?: readonly SpecialToken[]
  model?: { vocab?: Readonly<Record<string, number>> | readonly (readonly [string, number])[] }
}

/**
 * Files of a tokenizer that puts its start token before each text, and before the second text of a pair. One that puts
 * it there already keeps its template; tokens behind texts stay.
 * @param bos_token The start token. @default that of tokenizer_config.json
 * @throws {ConfigError} where there is no such token, or another one stands before texts.
 */
export function addBosToken(tokenizer: Tokenizer, bos_token?: string): TokenizerFiles {
  const { 'tokenizer.json': json, 'tokenizer_config.json': config } = tokenizer.files
  const bos = startToken(tokenizer, bos_token)
  const { before, after } = tokensAround(tokenizer)
  const [first] = before
  if (first && first.id !== bos.id) throw otherStart(before)
  return {
    'tokenizer.json': first ? json : { ...json, post_processor: template(bos, after) },
    'tokenizer_config.json': { ...config, bos_token: bos.content, add_bos_token: true },
  }
}

/** The token of an id, by the name that transformers.js looks up in the vocabulary. */
function tokenOf(id: number, { added_tokens = [], model: { vocab = {} } = {} }: TokenNames): SpecialToken {
  const added = added_tokens.find((token) => token.id === id)?.content
  const known = () =>
    Array.isArray(vocab) ? vocab[id]?.[0] : Object.entries(vocab).find(([, value]) => value === id)?.[0]
  return { id, content: added ?? known() ?? String(id) }
}

/** The special tokens that a tokenizer puts before and behind a text. @throws {DataError} as `buildInputs` does. */
function tokensAround({ buildInputs, files }: Tokenizer): Record<'before' | 'after', SpecialToken[]> {
  const { input_ids, start } = buildInputs([])
  const tokens = input_ids.map((id) => tokenOf(id, files['tokenizer.json'] as TokenNames))
  return { before: tokens.slice(0, start), after: tokens.slice(start) }
}

/** The template `bos $A after`, for pairs `bos $A after bos $B after`, as transformers makes it for Llama. */
function template(bos: SpecialToken, after: readonly SpecialToken[]): object {
  const special = ({ content }: SpecialToken, type_id: number) => ({ SpecialToken: { id: content, type_id } })
  const around = (id: 'A' | 'B', type_id: number): object[] => [
    special(bos, type_id),
    { Sequence: { id, type_id } },
    ...after.map((token) => special(token, type_id)),
  ]
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      [bos, ...after].map(({ id, content }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  }
}

/** @throws {ConfigError} where a tokenizer has no start token, or it is not in its vocabulary. */
function startToken({ specialTokens, tokenToId }: Tokenizer, bos_token: string | undefined): SpecialToken {
  const content = bos_token ?? specialTokens.bos_token
  const id = content === undefined ? undefined : tokenToId(content)
  if (content !== undefined && id !== undefined) return { id, content }
  throw new ConfigError({
    where: `option ${bos_token === undefined ? 'add_bos_token' : 'bos_token'}`,
    what: content === undefined ? 'the tokenizer has no bos_token' : 'not a token of the vocabulary',
    ...(content === undefined ? {} : { found: JSON.stringify(content) }),
    fix: "Name a special token of its vocabulary: bos_token: '<|endoftext|>', say.",
  })
}

const otherStart = (before: readonly SpecialToken[]): ConfigError =>
  new ConfigError({
    where: 'option add_bos_token',
    what: 'the tokenizer puts other tokens before each text',
    found: before.map(({ content }) => content).join(' '),
    fix: 'Leave the option out: the model has a start of its own.',
  })
