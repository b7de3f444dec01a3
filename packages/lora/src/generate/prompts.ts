// Checks prompts of token ids, and takes the padding out of them.

import { show } from '@cola/graph/options'
import { ConfigError, FeedError } from '@cola/train'

/**
 * The tokens of each prompt without its padding, as arrays of their own.
 * @throws {ConfigError} for a mask of another shape than the prompts.
 */
export function withoutPadding(
  prompts: readonly (readonly number[])[],
  attention_mask: readonly number[] | readonly (readonly number[])[] | undefined,
): number[][] {
  if (attention_mask === undefined) return prompts.map((ids) => [...ids])
  const isRow = prompts.length === 1 && typeof attention_mask[0] === 'number'
  const masks = (isRow ? [attention_mask] : attention_mask) as readonly (readonly number[])[]
  const lengths = (rows: readonly (readonly number[])[]) => `[${rows.map(({ length }) => length).join(', ')}]`
  if (lengths(prompts) !== lengths(masks))
    throw new ConfigError({
      where: 'generate, option attention_mask',
      what: 'not of the shape of the prompts',
      expected: `rows of ${lengths(prompts)}`,
      found: lengths(masks),
    })
  return prompts.map((ids, row) => ids.filter((_, i) => masks[row]?.[i] === 1))
}

/** What prompts of a model must fit into. */
interface Limits {
  readonly vocab_size: number
  readonly max_length: number
}

/** The name of a prompt in errors. @param count Of all prompts of the call, where that is known. */
export const promptPlace = (row: number, count?: number): string => (count === 1 ? 'prompt' : `prompt ${row + 1}`)

/** Checks all prompts of a call. @throws {FeedError} naming the prompt, see {@link requirePrompt}. */
export const requirePrompts = (prompts: readonly (readonly number[])[], limits: Limits): void =>
  prompts.forEach((prompt, row) => {
    requirePrompt(prompt, promptPlace(row, prompts.length), limits)
  })

/** @throws {FeedError} for an empty prompt, a token outside of the vocabulary, or a prompt without a free position. */
export function requirePrompt(prompt: readonly number[], where: string, { vocab_size, max_length }: Limits): void {
  if (prompt.length === 0)
    throw new FeedError({ where, what: 'no tokens', fix: 'Give a text, or begin with the start or end token.' })
  if (prompt.length >= max_length)
    throw new FeedError({
      where,
      what: 'no place left in the position table',
      expected: `fewer than ${max_length} tokens`,
      found: String(prompt.length),
      fix: 'Shorten the prompt.',
    })
  const unknown = prompt.find((id) => !(Number.isSafeInteger(id) && id >= 0 && id < vocab_size))
  if (unknown !== undefined)
    throw new FeedError({
      where,
      what: 'a token id without a row in the embedding table',
      expected: `0 to ${vocab_size - 1}`,
      found: show(unknown),
    })
}
