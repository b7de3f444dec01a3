// The tokens of words, and the tag of each.

import { DataError, describeValue, encodeWords, ignoreIndex, type WordInput, type WordSequence } from '@cola/data'
import { textAt } from './found-tags.ts'
import type { TaggedWords } from './tagged-words.ts'
import type { EncodeContext, Encoded, ServeContext } from './task.ts'

/** A tokenized row, with the place of each word's first token. */
export type WordExample = WordSequence & { first_tokens: readonly number[] }

/** Token ids, and where each word begins in them. */
export function encodeInputs(
  inputs: readonly WordInput[],
  { base, max_length, where, pad_token_id }: EncodeContext & Partial<ServeContext> & { where: string },
): Encoded<WordExample> {
  const limits = { max_length, vocab_size: base.vocab_size, where, pad_token_id }
  const { rows, truncated } = encodeWords(base.tokenizer, inputs, limits)
  const examples = rows.map((row, i) => {
    const input = inputs[i] as WordInput
    const count = 'words' in input ? input.words.length : input.ranges.length
    return { ...row, first_tokens: Array.from({ length: count }, (_, word) => row.word_ids.indexOf(word)) }
  })
  return { examples, truncated }
}

/** What to do about a tag that is none of the labels, by where the row is. */
const unknownTagFix = {
  train: 'Name it with the option labels too, or leave that option out.',
  validation: 'The training rows have no such tag: add some, or name all tags with the option labels.',
  rows: 'The model knows its tags alone: rename the tag, or leave the row out.',
} as const

/** Indices of a row's tags. @throws {DataError} naming the word, for a tag that is none of the labels. */
export function tagIndices({ input, tags, field }: TaggedWords, labels: readonly string[], where: string): number[] {
  return tags.map((tag, word) => {
    const index = labels.indexOf(tag)
    if (index >= 0) return index
    throw new DataError({
      where: `${where}, field "${field}", word ${word + 1} ${JSON.stringify(textAt(input, word, word + 1))}`,
      what: 'a tag that is none of the labels',
      expected: labels.join(', '),
      found: describeValue(tag),
      fix: unknownTagFix[where.split(',')[0] as keyof typeof unknownTagFix],
    })
  })
}

/**
 * `[token]`: the tag of each word at its first token, -100 elsewhere.
 * @param later Gives the tag of the other tokens of a word by that of the first. @default -100
 */
export function tokenLabels(
  word_ids: WordSequence['word_ids'],
  targets: readonly number[],
  later: (target: number) => number = () => ignoreIndex,
): number[] {
  return word_ids.map((word, i) => {
    if (word === null) return ignoreIndex
    const target = targets[word] as number
    return word === word_ids[i - 1] ? later(target) : target
  })
}

/** The tag of a word's later tokens: the inside of an entity that begins, else the same. */
export const insideOf =
  (labels: readonly string[]) =>
  (target: number): number => {
    const inside = labels.indexOf((labels[target] as string).replace(/^B-/, 'I-'))
    return inside < 0 ? target : inside
  }
