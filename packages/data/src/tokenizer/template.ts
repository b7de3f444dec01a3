// Templates of special tokens around one text or two, from a post-processor's output for placeholders.

import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'

/** A special token id, or the tokens of a text, with their token type. */
interface TemplateItem {
  item: number | 'first' | 'second'
  token_type: number
}

export type Template = readonly TemplateItem[]

/** Templates without special tokens; the second text has token type 1, as without a post-processor. */
export const bareTemplates: Readonly<Record<'single' | 'pair', Template>> = {
  single: [{ item: 'first', token_type: 0 }],
  pair: [
    { item: 'first', token_type: 0 },
    { item: 'second', token_type: 1 },
  ],
}

/** A post-processor over token strings, as @huggingface/tokenizers has it; `second` is null for a single text. */
export type PostProcess = (
  first: string[],
  second: string[] | null,
) => { tokens: string[]; token_type_ids: number[] | undefined }

/** Placeholders: strings that are not the name of a special token. */
const placeholders = new Map([
  ['\0first', 'first'],
  ['\0second', 'second'],
] as const)
const [first, second] = [...placeholders.keys()] as ['\0first', '\0second']

/**
 * The template of single texts, or of pairs.
 * @param idsOf Returns the ids of a special token.
 * @throws {DataError} for a post-processor that drops a text (many tokenizer.json files have no template for pairs), or
 * whose special tokens have no ids.
 */
export function templateOf(
  postProcess: PostProcess,
  idsOf: (token: string) => readonly number[],
  { pair }: { pair: boolean },
): Template {
  const { tokens, token_type_ids: types } = postProcess([first], pair ? [second] : null)
  const missing = [first, ...(pair ? [second] : [])].some((placeholder) => !tokens.includes(placeholder))
  if (missing)
    throw new DataError({
      where: 'tokenizer.json, post_processor',
      what: `no place for ${pair ? 'both texts of a pair' : 'the text'}`,
      expected: pair ? 'a template with $A and $B' : 'a template with $A',
      found: tokens.filter((token) => !placeholders.has(token as typeof first)).join(' ') || 'an empty template',
    })
  return tokens.flatMap((token, i): TemplateItem[] => {
    const text = placeholders.get(token as typeof first)
    const token_type = types?.[i] ?? (text === 'second' ? 1 : 0)
    return text ? [{ item: text, token_type }] : requireIds(token, idsOf(token)).map((item) => ({ item, token_type }))
  })
}

/** @throws {DataError} for ids of a special token that are not token ids. */
function requireIds(token: string, ids: unknown): readonly number[] {
  if (Array.isArray(ids) && ids.every((id) => Number.isSafeInteger(id) && id >= 0)) return ids
  throw new DataError({
    where: `tokenizer.json, post_processor, special token ${JSON.stringify(token)}`,
    what: 'its ids are not token ids',
    expected: 'an array of whole numbers from 0',
    found: describeValue(ids),
  })
}

/** Number of special tokens of a template. */
export const addedTokens = (template: Template): number =>
  template.filter(({ item }) => typeof item === 'number').length

/** Fills a template with the token ids of one text or two. */
export function fill(
  template: Template,
  texts: { first: readonly number[]; second: readonly number[] },
): { input_ids: number[]; token_type_ids: number[] } {
  const idsAt = ({ item }: TemplateItem): readonly number[] => (typeof item === 'number' ? [item] : texts[item])
  return {
    input_ids: template.flatMap(idsAt),
    token_type_ids: template.flatMap((at) => idsAt(at).map(() => at.token_type)),
  }
}
