// The special tokens that a tokenizer's post-processor puts around a text, or around a pair.

import { DataError } from '../errors.ts'
import { type Template, templateOf } from './template.ts'

/** A post-processor of tokenizer.json. */
export interface PostProcessorJson {
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

/** What of @huggingface/tokenizers is read here. */
interface PostProcessing {
  readonly token_to_id: (token: string) => number | undefined
  readonly post_processor: { post_process(first: string[], second: string[] | null): PostProcessed } | null
}

/** Templates of single texts and of pairs. */
export interface Templates {
  readonly single: () => Template
  readonly pair: () => Template
}

/**
 * Templates of single texts and of pairs, computed on first use: a missing template for pairs matters for pairs only.
 */
export function templatesOf(inner: PostProcessing, post_processor: PostProcessorJson | null | undefined): Templates {
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
function processedBy(inner: PostProcessing, first: string[], second: string[] | null): PostProcessed | undefined {
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
