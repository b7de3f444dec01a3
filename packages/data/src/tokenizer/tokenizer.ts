// Tokenizers from tokenizer.json: the only importer of @huggingface/tokenizers.

import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { DataError } from '../errors.ts'
import { type HubOptions, hubFiles } from '../hub/hub.ts'
import { isFolder } from '../hub/place.ts'
import { readText } from '../source/text.ts'
import { type ChatTemplate, type ChatTemplateJson, chatTemplateOf } from './chat-template.ts'
import { isCount } from './limits.ts'
import { addedTokens, bareTemplates, fill, type Template, templateOf } from './template.ts'
import { cut, roomFor, type TruncationSide, type TruncationStrategy, truncatePair } from './truncate.ts'

export interface EncodingOptions {
  /** Second text of a pair. An empty one counts: its separators are there. @default none */
  text_pair?: string | undefined
  /** Longest encoding, special tokens included; they are never cut. @default no limit */
  max_length?: number | undefined
  /** @default tokenizer_config.json's truncation_side, else tokenizer.json's, else 'right' */
  truncation_side?: TruncationSide | undefined
  /** Which text of a pair is cut. @default tokenizer.json's, else 'longest_first' */
  truncation_strategy?: TruncationStrategy | undefined
  /** False leaves only the text's own tokens. @default true */
  add_special_tokens?: boolean | undefined
}

export interface Encoding {
  input_ids: number[]
  /** [token]: which text of a pair a token belongs to, as the model's template has it. */
  token_type_ids: number[]
  /** How many tokens were cut off. */
  overflow: number
}

export interface BuiltInputs {
  input_ids: number[]
  token_type_ids: number[]
  /** Place of the text's first own token. */
  start: number
}

export interface Tokenizer {
  /**
   * Ids of a text, or of a pair, without padding, and uncut unless `max_length` is given, whatever tokenizer.json asks
   * for; special tokens where its post-processor adds them.
   * @throws {DataError} for a `max_length` that the special tokens alone exceed, or a pair without a template for
   * pairs.
   */
  encode: (text: string, options?: EncodingOptions) => number[]
  /** The same, with token types and the number of tokens that were cut off. */
  encodePlus: (text: string, options?: EncodingOptions) => Encoding
  /** A text's own tokens with the special tokens of a single text; transformers' build_inputs_with_special_tokens. */
  buildInputs: (ids: readonly number[]) => BuiltInputs
  /** Side from which texts are cut: tokenizer_config.json's truncation_side, else tokenizer.json's, else 'right'. */
  readonly truncationSide: TruncationSide
  decode: (ids: readonly number[]) => string
  /** Id of a token of the vocabulary; undefined for others. */
  tokenToId: (token: string) => number | undefined
  /** The greatest id + 1, over the vocabulary and added tokens: rows that an embedding table needs. */
  readonly vocabSize: number
  /** tokenizer_config.json's special tokens as text, by their names: `bos_token`, `eos_token` and others. */
  readonly specialTokens: Readonly<Record<string, string>>
  /**
   * A conversation as one text, special tokens included, by the model's chat template; transformers'
   * apply_chat_template with `tokenize=False`.
   * @throws {DataError} for a tokenizer without a template, one that does not parse, and messages that it refuses.
   */
  readonly applyChatTemplate: ChatTemplate
  /** Id used to pad, where the tokenizer names one. */
  readonly padTokenId: number | undefined
  /**
   * Longest input of the model that the tokenizer was made for: tokenizer_config.json's model_max_length, else
   * tokenizer.json's truncation.
   */
  readonly modelMaxLength: number | undefined
  /** The parsed contents of the files that it was made from. */
  readonly files: TokenizerFiles
}

export interface TokenizerFiles {
  readonly 'tokenizer.json': object
  readonly 'tokenizer_config.json': object
}

/** What of tokenizer.json is read here; @huggingface/tokenizers reads the rest. */
interface TokenizerJson {
  model?: { type?: string; unk_token?: string }
  post_processor?: PostProcessorJson | null
  truncation?: { max_length?: number; direction?: string; strategy?: string } | null
  padding?: { pad_id?: number } | null
}

interface PostProcessorJson {
  type?: string
  special_tokens?: Record<string, { ids?: number[] }>
  processors?: PostProcessorJson[]
}

/** `tokens_pair` is there where a post-processor leaves both texts apart. */
interface PostProcessed {
  tokens: string[]
  tokens_pair?: string[] | null
  token_type_ids?: number[]
}

interface TokenizerConfig {
  chat_template?: ChatTemplateJson | null
  model_max_length?: number
  truncation_side?: string
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
 * Wraps the parsed contents of tokenizer.json and tokenizer_config.json. @throws {DataError} when they make no
 * tokenizer.
 */
export function createTokenizer(tokenizerJson: object, tokenizerConfig: object = {}): Tokenizer {
  const { truncation, padding, model } = tokenizerJson as TokenizerJson
  let inner: HuggingFaceTokenizer
  try {
    // WordLevel models take their unknown token from tokenizer.json in the tokenizers library; in its JavaScript port
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
  const { chat_template, model_max_length, truncation_side } = tokenizerConfig as TokenizerConfig
  const specialTokens = specialTokensOf(tokenizerConfig)
  const padToken = specialTokens.pad_token
  const side = one(sides, 'truncation_side', truncation_side ?? truncation?.direction ?? 'right')
  const strategy = one(strategies, 'truncation_strategy', truncation?.strategy ?? 'longest_first')
  const templates = templatesOf(inner, tokenizerJson as TokenizerJson)

  /** A text's own tokens. A BPE model without an unknown token leaves out what it cannot spell. */
  const contentOf = (text: string): number[] => {
    const { ids, tokens } = inner.encode(text, { add_special_tokens: false })
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
    const { text_pair, max_length = Number.POSITIVE_INFINITY, add_special_tokens = true } = options
    const kind = text_pair === undefined ? 'single' : 'pair'
    const template = add_special_tokens ? templates[kind]() : bareTemplates[kind]
    const room = roomFor(max_length, addedTokens(template))
    const kept = {
      max_length: room,
      side: options.truncation_side === undefined ? side : one(sides, 'truncation_side', options.truncation_side),
      strategy:
        options.truncation_strategy === undefined
          ? strategy
          : one(strategies, 'truncation_strategy', options.truncation_strategy),
    }
    const whole = contentOf(text)
    if (text_pair === undefined) {
      const first = cut(whole, room, kept.side)
      return { ...fill(template, { first, second: [] }), overflow: whole.length - first.length }
    }
    const pairWhole = contentOf(text_pair)
    const [first, second] = truncatePair([whole, pairWhole], kept)
    return {
      ...fill(template, { first, second }),
      overflow: whole.length + pairWhole.length - first.length - second.length,
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
    decode: (ids) => inner.decode([...ids], { skip_special_tokens: true }),
    tokenToId: (token) => inner.token_to_id(token),
    vocabSize:
      [...(inner.model?.tokens_to_ids.values() ?? [])].reduce((greatest, id) => Math.max(greatest, Number(id)), -1) + 1,
    specialTokens,
    applyChatTemplate: chatTemplateOf(chat_template, specialTokens),
    padTokenId: padToken === undefined ? padding?.pad_id : inner.token_to_id(padToken),
    modelMaxLength: [model_max_length, truncation?.max_length].find(isCount),
    files: { 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': tokenizerConfig },
  }
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

/** Templates of single texts and of pairs, found when first needed: few tokenizers are asked for pairs. */
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
  // The tokenizers library gives RobertaProcessing's pairs type 0 throughout; its JavaScript port does not.
  const oneType = processors.some(({ type }) => type === 'RobertaProcessing')
  const postProcess = (first: string[], second: string[] | null) => {
    const processed: PostProcessed = inner.post_processor?.post_process(first, second) ?? {
      tokens: first,
      tokens_pair: second,
    }
    const tokens = [...processed.tokens, ...(processed.tokens_pair ?? [])]
    return { tokens, token_type_ids: oneType ? tokens.map(() => 0) : processed.token_type_ids }
  }
  const once = (pair: boolean): (() => Template) => {
    let found: Template | undefined
    return () => (found ??= templateOf(postProcess, idsOf, { pair }))
  }
  return { single: once(false), pair: once(true) }
}

const processorsOf = (json: PostProcessorJson | null | undefined): PostProcessorJson[] =>
  json ? [json, ...(json.processors ?? []).flatMap(processorsOf)] : []

/** @throws {DataError} for a value that the table does not have. */
function one<Value>(table: Readonly<Record<string, Value>>, where: string, key: string): Value {
  if (Object.hasOwn(table, key)) return table[key] as Value
  throw new DataError({ where, what: 'not known', expected: Object.keys(table).join(', '), found: String(key) })
}

/**
 * Reads tokenizer.json, tokenizer_config.json and chat_template.jinja, which replaces the template of the latter.
 * @param nameOrFolder A folder that exists, else the name of a repository on the hub.
 * @throws {DataError | HubError} naming the file or URL.
 */
export async function readTokenizer(nameOrFolder: string, options: HubOptions = {}): Promise<Tokenizer> {
  const folder = (await isFolder(nameOrFolder)) ? nameOrFolder : await download(nameOrFolder, options)
  const parse = async (name: string, missing?: object): Promise<object> => {
    const file = await readText([`${folder}/${name}`]).catch((error) => {
      if (missing) return { path: name, content: JSON.stringify(missing) }
      throw error
    })
    try {
      return JSON.parse(file.content) as object
    } catch (cause) {
      throw new DataError({ where: file.path, what: 'not JSON', found: (cause as Error).message }, { cause })
    }
  }
  const template = await readText([`${folder}/${chatTemplateFile}`]).catch(() => undefined)
  return createTokenizer(await parse('tokenizer.json'), {
    ...(await parse('tokenizer_config.json', {})),
    ...(template ? { chat_template: template.content } : {}),
  })
}

async function download(name: string, options: HubOptions): Promise<string> {
  const optional = ['tokenizer_config.json', chatTemplateFile].map((path) => ({ path, optional: true }))
  const files = [{ path: 'tokenizer.json' }, ...optional]
  const [path] = await hubFiles(name, files, options)
  return (path as string).replace(/[/\\]tokenizer\.json$/, '')
}
