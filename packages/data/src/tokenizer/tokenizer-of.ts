// Tokenizers from tokenizer.json. The only importer of @huggingface/tokenizers.

import { object } from '@cola/graph/options'
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { DataError } from '../errors.ts'
import { describeValue, requireList } from '../source/row-checks.ts'
import { type ChatTemplateJson, noChatTemplate } from './chat-template.ts'
import { encoderOf, truncationDefaults, type TruncationJson } from './encode-plus.ts'
import { isCount } from './model-config.ts'
import { type PostProcessorJson, templatesOf } from './post-processor.ts'
import type { chatTemplateOf } from './render-chat.ts'
import { type NormalizerJson, smallSigma } from './small-sigma.ts'
import { padIdOf, specialTokensOf } from './special-tokens.ts'
import { fill } from './template.ts'
import type { Tokenizer } from './tokenizer.ts'

/** The fields of tokenizer.json that are read here; @huggingface/tokenizers reads the others. */
interface TokenizerJson {
  model?: { type?: string; unk_token?: string }
  post_processor?: PostProcessorJson | null
  truncation?: TruncationJson | null
  padding?: { pad_id?: number } | null
  normalizer?: NormalizerJson | null
}

export interface TokenizerConfig {
  chat_template?: ChatTemplateJson | null
  model_max_length?: number
  truncation_side?: string
  clean_up_tokenization_spaces?: boolean
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
  const { truncation, padding, model, normalizer, post_processor } = tokenizerJson as TokenizerJson
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
  const defaults = truncationDefaults(truncation, truncation_side)
  const templates = templatesOf(inner, post_processor)

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
  const encodePlus = encoderOf(contentOf, templates, defaults)
  return {
    encode: (text, options) => encodePlus(text, options).input_ids,
    encodePlus,
    buildInputs: (ids) => {
      const template = templates.single()
      const start = template.findIndex(({ item }) => item === 'first')
      return { ...fill(template, { first: ids, second: [] }), start }
    },
    truncationSide: defaults.side,
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
