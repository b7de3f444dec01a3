// Tokenizers from tokenizer.json. The only importer of @huggingface/tokenizers.

import { checkOptions, object } from '@cola/graph/options'
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { DataError } from '../errors.ts'
import { describeValue, requireList } from '../source/row-checks.ts'
import { type ChatTemplate, type ChatTemplateJson, noChatTemplate } from './chat-template.ts'
import { encodingChecks, type EncodingOptions } from './encoding-options.ts'
import { encodeEnd, pairEnds } from './encode-end.ts'
import type { chatTemplateOf } from './render-chat.ts'
import { isCount } from './model-config.ts'
import { type NormalizerJson, smallSigma } from './small-sigma.ts'
import { addedTokens, bareTemplates, fill, type Template, templateOf } from './template.ts'
import { roomFor, truncate, type TruncationSide, type TruncationStrategy, truncatePair } from './truncate.ts'

/** Token ids of a text, with type ids and offsets where asked. */
export interface Encoding {
  input_ids: number[]
  /** `[token]`: the text of a pair that a token belongs to, from the model's template. */
  token_type_ids: number[]
  /** Number of tokens that truncation removed; at least so many of a text that was cut before it was tokenized. */
  overflow: number
}

/** A text's tokens with the special tokens that the model's template adds. */
export interface BuiltInputs {
  input_ids: number[]
  token_type_ids: number[]
  /** Index of the text's first token, after special tokens. */
  start: number
}

/** A tokenizer: text to token ids and back. */
export interface Tokenizer {
  /**
   * Ids of a text, or of a pair, with the special tokens of its post-processor, without padding. Padding and truncation
   * in tokenizer.json are ignored; only `max_length` truncates.
   * @throws {DataError} for a `max_length` smaller than the number of special tokens, or a pair without a template for
   * pairs; {ConfigError} for an option that is unknown or out of its range.
   */
  encode: (text: string, options?: EncodingOptions) => number[]
  /** Like `encode`, with token types and the number of tokens that truncation removed. */
  encodePlus: (text: string, options?: EncodingOptions) => Encoding
  /** Adds the special tokens of a single text to its tokens; transformers' build_inputs_with_special_tokens. */
  buildInputs: (ids: readonly number[]) => BuiltInputs
  /** Side that is truncated: tokenizer_config.json's truncation_side, else tokenizer.json's, else 'right'. */
  readonly truncationSide: TruncationSide
  /**
   * Text of token ids, without special tokens; transformers' decode with `skip_special_tokens=True`: spaces before
   * punctuation stay, but where tokenizer_config.json has `clean_up_tokenization_spaces`, for tokenizers other than BPE.
   * @throws {DataError} for what are no ids of tokens.
   */
  decode: (ids: readonly number[]) => string
  /** Id of a token of the vocabulary; undefined for others. */
  tokenToId: (token: string) => number | undefined
  /** The greatest id + 1, over the vocabulary and added tokens: the number of rows of the embedding table. */
  readonly vocabSize: number
  /** Special tokens of tokenizer_config.json as text, by name: `bos_token`, `eos_token` and others. */
  readonly specialTokens: Readonly<Record<string, string>>
  /**
   * Renders a conversation with the model's chat template, including special tokens; transformers' apply_chat_template
   * with `tokenize=False`.
   * @throws {DataError} for a missing template, one that cannot be parsed, or messages that it refuses.
   */
  readonly applyChatTemplate: ChatTemplate
  /** Id of the padding token, if the tokenizer has one. */
  readonly padTokenId: number | undefined
  /**
   * Longest input of the tokenizer's model: tokenizer_config.json's model_max_length, else tokenizer.json's truncation.
   */
  readonly modelMaxLength: number | undefined
  /** The parsed contents of the tokenizer's files. */
  readonly files: TokenizerFiles
}

/** The parsed files of a tokenizer. */
export interface TokenizerFiles {
  readonly 'tokenizer.json': object
  readonly 'tokenizer_config.json': object
}

/** The fields of tokenizer.json that are read here; @huggingface/tokenizers reads the others. */
interface TokenizerJson {
  model?: { type?: string; unk_token?: string }
  post_processor?: PostProcessorJson | null
  truncation?: { max_length?: number; direction?: string; strategy?: string } | null
  padding?: { pad_id?: number } | null
  normalizer?: NormalizerJson | null
}

interface PostProcessorJson {
  type?: string
  special_tokens?: Record<string, { ids?: number[] }>
  processors?: PostProcessorJson[]
}

/** Result of a post-processor; with `tokens_pair` if it does not join both texts. */
interface PostProcessed {
  tokens: string[]
  tokens_pair?: string[] | null
  token_type_ids?: number[]
}

export interface TokenizerConfig {
  chat_template?: ChatTemplateJson | null
  model_max_length?: number
  truncation_side?: string
  clean_up_tokenization_spaces?: boolean
}

/** File with the chat template alone, as newer models have it. */
export const chatTemplateFile = 'chat_template.jinja'

const sides: Readonly<Record<string, TruncationSide>> = { left: 'left', right: 'right', Left: 'left', Right: 'right' }

const strategies: Readonly<Record<string, TruncationStrategy>> = {
  longest_first: 'longest_first',
  only_first: 'only_first',
  only_second: 'only_second',
  LongestFirst: 'longest_first',
  OnlyFirst: 'only_first',
  OnlySecond: 'only_second',
}

/**
 * A tokenizer of the parsed contents of tokenizer.json and tokenizer_config.json.
 * @param templateOf Renders chat templates; it may be absent where there is none.
 * @throws {DataError} when they make no tokenizer.
 */
export function tokenizerOf(
  tokenizerJson: object,
  tokenizerConfig: object,
  templateOf: typeof chatTemplateOf | undefined,
): Tokenizer {
  requireObject(tokenizerJson, 'tokenizer.json')
  requireObject(tokenizerConfig, 'tokenizer_config.json')
  const { truncation, padding, model, normalizer } = tokenizerJson as TokenizerJson
  let inner: HuggingFaceTokenizer
  try {
    // For WordLevel models, the tokenizers library reads the unknown token from tokenizer.json, its JavaScript port
    // from the configuration.
    inner = new HuggingFaceTokenizer(
      tokenizerJson,
      model?.type === 'WordLevel' ? { ...tokenizerConfig, unk_token: model.unk_token } : tokenizerConfig,
    )
  } catch (cause) {
    throw new DataError(
      { where: 'tokenizer.json', what: 'not a tokenizer', found: (cause as Error).message },
      { cause },
    )
  }
  const { chat_template, model_max_length, truncation_side, clean_up_tokenization_spaces } =
    tokenizerConfig as TokenizerConfig
  // As in transformers 5: not by default, and never of BPE, whose spaces are the text's own. Its JavaScript port takes
  // spaces before punctuation away by default.
  const cleansUp = clean_up_tokenization_spaces === true && model?.type !== 'BPE'
  const specialTokens = specialTokensOf(tokenizerConfig)
  const padToken = specialTokens.pad_token
  const side = entryOf(sides, 'truncation_side', truncation_side ?? truncation?.direction ?? 'right')
  const strategy = entryOf(strategies, 'truncation_strategy', truncation?.strategy ?? 'longest_first')
  const templates = templatesOf(inner, tokenizerJson as TokenizerJson)

  const lettersOf = smallSigma(normalizer)
  /** Tokens of a text without special tokens. A BPE model without an unknown token drops unknown characters. */
  const contentOf = (text: string): number[] => {
    const { ids, tokens } = inner.encode(lettersOf(text), { add_special_tokens: false })
    const unknown = (ids as (number | undefined)[]).indexOf(undefined)
    if (unknown >= 0 && model?.type !== 'BPE')
      throw new DataError({
        where: `text ${JSON.stringify(text.slice(0, 40))}`,
        what: 'a token that is not in the vocabulary, and the tokenizer has no unknown token',
        found: JSON.stringify(tokens[unknown]),
      })
    return (ids as (number | undefined)[]).filter((id) => id !== undefined).map(Number)
  }
  const encodePlus: Tokenizer['encodePlus'] = (text, options = {}) => {
    checkOptions('encode', options, encodingChecks)
    const { text_pair, max_length = Number.POSITIVE_INFINITY, add_special_tokens = true } = options
    const kind = text_pair === undefined ? 'single' : 'pair'
    const template = add_special_tokens ? templates[kind]() : bareTemplates[kind]
    const room = roomFor(max_length, addedTokens(template))
    const truncationOptions = {
      maxLength: room,
      side: options.truncation_side === undefined ? side : entryOf(sides, 'truncation_side', options.truncation_side),
      strategy:
        options.truncation_strategy === undefined
          ? strategy
          : entryOf(strategies, 'truncation_strategy', options.truncation_strategy),
    }
    requireString(text, 'text')
    if (text_pair !== undefined) requireString(text_pair, 'option text_pair')
    const { maxLength } = truncationOptions
    const endsOf = (part: string) => encodeEnd(contentOf, part, { length: maxLength, side: truncationOptions.side })
    if (text_pair === undefined) {
      const content = endsOf(text)
      const first = truncate(content, room, truncationOptions.side)
      return { ...fill(template, { first, second: [] }), overflow: content.length - first.length }
    }
    const [content, pairContent] = pairEnds(contentOf, endsOf, [text, text_pair], truncationOptions)
    const [first, second] = truncatePair([content, pairContent], truncationOptions)
    return {
      ...fill(template, { first, second }),
      overflow: content.length + pairContent.length - first.length - second.length,
    }
  }
  return {
    encode: (text, options) => encodePlus(text, options).input_ids,
    encodePlus,
    buildInputs: (ids) => {
      const template = templates.single()
      const start = template.findIndex(({ item }) => item === 'first')
      return { ...fill(template, { first: ids, second: [] }), start }
    },
    truncationSide: side,
    decode: (ids) => {
      requireList(ids, 'ids')
      if (ids.length === 0) return ''
      try {
        return inner.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: cleansUp })
      } catch (cause) {
        throw new DataError(
          { where: 'ids', what: 'they cannot be decoded', expected: 'ids of tokens', found: (cause as Error).message },
          { cause },
        )
      }
    },
    tokenToId: (token) => inner.token_to_id(token),
    vocabSize:
      [...(inner.model?.tokens_to_ids.values() ?? [])].reduce((greatest, id) => Math.max(greatest, Number(id)), -1) + 1,
    specialTokens,
    applyChatTemplate: (chat_template && templateOf?.(chat_template, specialTokens)) || noChatTemplate,
    padTokenId: padToken === undefined ? padIdOf(padding) : inner.token_to_id(padToken),
    modelMaxLength: [model_max_length, truncation?.max_length].find(isCount),
    files: { 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': tokenizerConfig },
  }
}

/** @throws {DataError} for a value that is not an object, such as the null of an empty file. */
export function requireObject(value: unknown, where: string): void {
  if (object[1](value)) return
  throw new DataError({ where, what: 'not an object', expected: 'an object', found: describeValue(value) })
}

function requireString(text: unknown, where: string): void {
  if (typeof text !== 'string')
    throw new DataError({ where, what: 'not a text', expected: 'a string', found: describeValue(text) })
}

/** @throws {DataError} for a padding id that is not a token id. */
function padIdOf(padding: TokenizerJson['padding']): number | undefined {
  const id = padding?.pad_id
  if (id === undefined || id === null || (Number.isSafeInteger(id) && id >= 0)) return id ?? undefined
  throw new DataError({
    where: 'tokenizer.json, padding, pad_id',
    what: 'not a token id',
    expected: 'a whole number from 0',
    found: describeValue(id),
  })
}

/** Fields such as `eos_token`: a text, or an object with one. */
function specialTokensOf(config: object): Record<string, string> {
  const textOf = (value: unknown) =>
    typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value
  const entries = Object.entries(config).map(([name, value]) => [name, textOf(value)] as const)
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[0].endsWith('_token') && typeof entry[1] === 'string'),
  )
}

/**
 * Templates of single texts and of pairs, computed on first use: a missing template for pairs matters for pairs only.
 */
function templatesOf(
  inner: HuggingFaceTokenizer,
  { post_processor }: TokenizerJson,
): { single: () => Template; pair: () => Template } {
  const processors = processorsOf(post_processor)
  const specialTokens = Object.assign({}, ...processors.map(({ special_tokens }) => special_tokens)) as Record<
    string,
    { ids?: number[] }
  >
  const idsOf = (token: string): readonly number[] => {
    const id = inner.token_to_id(token)
    const ids = specialTokens[token]?.ids ?? (id === undefined ? [] : [id])
    if (ids.length > 0) return ids
    throw new DataError({
      where: 'tokenizer.json, post_processor',
      what: 'a special token without an id',
      found: JSON.stringify(token),
    })
  }
  // In the tokenizers library all token types of RobertaProcessing are 0; in its JavaScript port they are not.
  const hasOneType = processors.some(({ type }) => type === 'RobertaProcessing')
  const postProcess = (first: string[], second: string[] | null) => {
    const processed: PostProcessed = processedBy(inner, first, second) ?? { tokens: first, tokens_pair: second }
    const tokens = [...processed.tokens, ...(processed.tokens_pair ?? [])]
    return { tokens, token_type_ids: hasOneType ? tokens.map(() => 0) : processed.token_type_ids }
  }
  const lazy = (pair: boolean): (() => Template) => {
    let template: Template | undefined
    return () => (template ??= templateOf(postProcess, idsOf, { pair }))
  }
  return { single: lazy(false), pair: lazy(true) }
}

/** @throws {DataError} for a post-processor that lacks its templates. */
function processedBy(inner: HuggingFaceTokenizer, first: string[], second: string[] | null): PostProcessed | undefined {
  try {
    return inner.post_processor?.post_process(first, second)
  } catch (cause) {
    throw new DataError(
      { where: 'tokenizer.json, post_processor', what: 'it cannot be applied', found: (cause as Error).message },
      { cause },
    )
  }
}

const processorsOf = (json: PostProcessorJson | null | undefined): PostProcessorJson[] =>
  json ? [json, ...(json.processors ?? []).flatMap(processorsOf)] : []

/** The entry of a key in a table. @throws {DataError} for an unknown key. */
function entryOf<Value>(table: Readonly<Record<string, Value>>, where: string, key: string): Value {
  if (Object.hasOwn(table, key)) return table[key] as Value
  throw new DataError({ where, what: 'not known', expected: Object.keys(table).join(', '), found: String(key) })
}
