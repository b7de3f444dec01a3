// What is told where texts were cut.

import { requireKind } from '@cola/graph/door'

/**
 * A warning where texts were cut, in a list; an empty list where none was.
 * @param texts All of them.
 * @param truncated How many were cut, as `encodeTexts` counts them.
 * @param what What they are called: `train rows`.
 * @param max_length Tokens that are left of each.
 * @throws {ConfigError} for texts that are no list.
 */
export function cutTexts(texts: readonly unknown[], truncated: number, what: string, max_length: number): string[] {
  requireKind('cutTexts, texts', texts, 'list')
  return truncated > 0 ? [`${truncated} of ${texts.length} ${what} were cut to ${max_length} tokens`] : []
}
