// What a tagger answers: the entities that tags make, or the tag of each word, with their places.

import { divideWords, type Entity, entitiesOf, type PunctuationWords, requireString, type WordInput } from '@cola/data'

/** What the model says of the words of a row. */
export interface WordTags {
  /** `[word]`: the likeliest tag; for a word that was cut off or has no token `O`, or '' where tags make no entities. */
  tags: readonly string[]
  /** `[word]`: its probability; 0 where nothing was read. */
  scores: readonly number[]
}

/** An entity that was found, or a word with its tag. */
export interface TaggedEntity {
  /** The type of the entity, without B- or I-; the tag of the word, where tags make no entities. */
  label: string
  /** Mean probability of its words' tags. */
  score: number
  /** The part of the text; the words with a space between, where words were given. */
  text: string
  /** Place in the text, a JavaScript string; or index of the first word, where words were given. */
  start: number
  /** Past the last character, or past the last word. */
  end: number
}

/** @throws {DataError} for what is neither a text nor words. */
export function wordsOf(
  text: string | { words: readonly string[] },
  punctuation: PunctuationWords,
  where: string,
): WordInput {
  if (typeof text === 'object' && text !== null && 'words' in text) return { words: text.words }
  const checked = requireString(typeof text === 'string' ? { text } : text, 'text', where)
  return { text: checked, ranges: divideWords(checked, punctuation) }
}

/** Each word that was read, with its tag. */
const eachWord = (tags: readonly string[]): Entity[] =>
  tags.flatMap((type, start) => (type === '' ? [] : [{ type, start, end: start + 1 }]))

/** The entities of the tags, or the words, in their places. */
export function found(input: WordInput, { tags, scores }: WordTags, hasEntities: boolean): TaggedEntity[] {
  return (hasEntities ? entitiesOf : eachWord)(tags).map(({ type, start, end }) => {
    const wordScores = scores.slice(start, end)
    const score = wordScores.reduce((a, b) => a + b, 0) / wordScores.length
    return { label: type, score, text: textAt(input, start, end), ...placeOf(input, start, end) }
  })
}

/** Where words are: among the others, or in their text. */
function placeOf(input: WordInput, start: number, end: number): { start: number; end: number } {
  if ('words' in input) return { start, end }
  const [first, last] = [input.ranges[start], input.ranges[end - 1]]
  return { start: first?.start ?? 0, end: last?.end ?? 0 }
}

/** Words as a text. @param end Past the last word. */
export function textAt(input: WordInput, start: number, end: number): string {
  if ('words' in input) return input.words.slice(start, end).join(' ')
  const place = placeOf(input, start, end)
  return input.text.slice(place.start, place.end)
}
