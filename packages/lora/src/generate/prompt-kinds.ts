// Tells prompts of token ids from texts and conversations.

import { FeedError } from '@cola/train'

/** Token ids to continue. */
export type IdsPrompt = readonly number[]
/** One or several. */
export type IdsPrompts = IdsPrompt | readonly IdsPrompt[]

/** Whether there are several; or none, in an empty array. */
export const areSeveral = (prompts: IdsPrompts): prompts is readonly IdsPrompt[] =>
  prompts.length === 0 || Array.isArray(prompts[0])

/** Undefined for an empty array, which may be either. */
function kindOf(prompt: unknown): string | undefined {
  if (!Array.isArray(prompt)) return 'a text'
  if (prompt.length === 0) return undefined
  return typeof prompt[0] === 'number' ? 'token ids' : 'messages'
}

/**
 * Whether prompts, one or several, are token ids: an empty array is no prompts.
 * @throws {FeedError} naming the first prompt that is token ids where others are not, or the other way round.
 */
export function areIds(prompts: unknown): prompts is IdsPrompts {
  const isList = Array.isArray(prompts) && (typeof prompts[0] === 'string' || Array.isArray(prompts[0]))
  const kinds = (isList ? prompts : [prompts]).map(kindOf)
  const first = kinds.find((kind) => kind !== undefined) ?? 'token ids'
  const other = kinds.findIndex((kind) => kind !== undefined && (kind === 'token ids') !== (first === 'token ids'))
  if (other < 0) return first === 'token ids'
  throw new FeedError({
    where: `prompt ${other + 1}`,
    what: 'of another kind than those before it',
    expected: first,
    found: kinds[other] as string,
    fix: 'Give token ids in one call, texts and messages in another.',
  })
}
