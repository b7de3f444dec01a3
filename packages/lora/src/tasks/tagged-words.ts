// Rows of token classification: words with their tags, or a text with spans of characters, which become words with
// tags of the scheme IOB2; as do tags of other schemes.

import {
  DataError,
  describeValue,
  divideWords,
  type PunctuationWords,
  renameFix,
  requireText,
  rowPlace,
  type TagScheme,
  type TextRange,
  toIob2,
  type WordInput,
} from '@cola/data'

/** A sentence in words, each with a tag. */
export interface WordsRow {
  words: readonly string[]
  /**
   * `[word]`: any tags, such as parts of speech; entities have those of IOB2: `O`, `B-TYPE`, `I-TYPE`, or of the option
   * `scheme`. Numbers are places in the option `labels`.
   */
  tags: readonly string[] | readonly number[]
}

/** A stretch of a text: indices of a JavaScript string, `end` past the last character. */
export interface TextSpan extends TextRange {
  /** Its type, without B- or I-. */
  label: string
}

/** A text with its entities, which do not overlap. */
export interface SpansRow {
  text: string
  spans: readonly TextSpan[]
}

/** A row of the task TOKEN_CLS: words with their tags. */
export type TokenClassificationRow = WordsRow | SpansRow

/** A row's words and their tags, and the field that the tags are from. */
export interface TaggedWords {
  input: WordInput
  tags: readonly string[]
  field: 'tags' | 'spans'
}

/** How rows are read. */
export interface Reading {
  /** How texts are divided into words. */
  punctuation: PunctuationWords
  /** The scheme of the tags of words. @default as they are */
  scheme?: TagScheme | null | undefined
  /** Names of tags, for those that are numbers. */
  names?: readonly string[] | undefined
}

/**
 * Reads and checks rows.
 * @throws {DataError} naming the row and the field: another shape, words and tags of unlike number, tags that are not of
 * the scheme, numbers that are no places among the names, spans that are out of range, overlap or cut a word.
 */
export function taggedWords(rows: readonly TokenClassificationRow[], reading: Reading, where: string): TaggedWords[] {
  return rows.map((row, i) => {
    const place = rowPlace(where, i, row)
    return isSpansRow(row, place) ? fromSpans(row, reading.punctuation, place) : fromWords(row, reading, place)
  })
}

/** The columns of data sets on the hub, whose tags are numbers. */
const ofDatasets =
  'Rename tokens to words, and ner_tags to tags: rows.map(({ tokens, ner_tags }) => ({ words: tokens, tags: ner_tags })). ' +
  'Where they are numbers, the option labels names them in their order.'

/** Whether a row is a text with spans. @throws {DataError} for one that is of neither shape, or of both. */
export function isSpansRow(row: TokenClassificationRow, where: string): row is SpansRow {
  const fields = Object.keys(row ?? {})
  const [words, text] = [fields.includes('words'), fields.includes('text') || fields.includes('spans')]
  if (words !== text) return text
  throw new DataError({
    where,
    what: words ? 'words, and a text or spans too' : 'not a row of token classification',
    expected: '{ words, tags } or { text, spans: [{ start, end, label }] }',
    found: fields.length > 0 ? `the fields ${fields.join(', ')}` : describeValue(row),
    fix: words ? undefined : fields.includes('tokens') ? ofDatasets : renameFix(['words', 'tags'], fields),
  })
}

function fromWords(row: WordsRow, { scheme, names }: Reading, where: string): TaggedWords {
  const { words, tags } = row
  if (!Array.isArray(tags))
    throw new DataError({
      where: `${where}, field "tags"`,
      what: 'no tags',
      expected: 'an array of tags, one a word',
      found: describeValue(tags),
      fix: renameFix(['tags'], Object.keys(row)),
    })
  if (Array.isArray(words) && words.length !== tags.length)
    throw new DataError({
      where: `${where}, field "tags"`,
      what: 'not one tag a word',
      expected: `${words.length} tags for ${words.length} words`,
      found: String(tags.length),
    })
  const named = tags.map((tag: unknown, i) => nameOf(tag, names, `${where}, token ${i + 1}`))
  return { input: { words }, tags: scheme ? toIob2(named, scheme, where) : named, field: 'tags' }
}

/** The name of a tag. @throws {DataError} for what is neither a name nor the place of one. */
function nameOf(tag: unknown, names: readonly string[] | undefined, where: string): string {
  const name = typeof tag === 'number' ? names?.[tag] : tag
  if (typeof name === 'string' && name !== '') return name
  throw new DataError({
    where,
    what: typeof tag === 'number' && !names ? 'a number in place of a tag' : 'no tag',
    expected: names ? `a tag, or a whole number from 0 to ${names.length - 1}` : 'the name of a tag',
    found: describeValue(tag),
    fix:
      typeof tag === 'number'
        ? "The option labels names tags in the order of their numbers: labels: ['O', ...]."
        : undefined,
  })
}

function fromSpans(row: SpansRow, punctuation: PunctuationWords, where: string): TaggedWords {
  const text = requireText(row, 'text', where)
  const ranges = divideWords(text, punctuation)
  const spans = requireSpans(row, text, where)
  const tags = ranges.map(() => 'O')
  spans.forEach((span, i) => {
    const place = spanPlace(where, i)
    refuseCut(span, ranges, text, place)
    const inside = ranges.flatMap(({ start, end }, word) => (start >= span.start && end <= span.end ? [word] : []))
    if (inside.length === 0)
      throw new DataError({
        where: place,
        what: 'no word in it',
        found: describeValue(text.slice(span.start, span.end)),
      })
    inside.forEach((word, k) => {
      tags[word] = `${k === 0 ? 'B' : 'I'}-${span.label}`
    })
  })
  return { input: { text, ranges }, tags, field: 'spans' }
}

const spanPlace = (where: string, i: number): string => `${where}, field "spans", span ${i + 1}`

/** @throws {DataError} for what is no list of spans of the text that leave each other room. */
function requireSpans(row: SpansRow, text: string, where: string): readonly TextSpan[] {
  const { spans }: { spans: unknown } = row
  if (!Array.isArray(spans))
    throw new DataError({
      where: `${where}, field "spans"`,
      what: 'no spans',
      expected: 'an array of { start, end, label }, empty where a text has no entity',
      found: describeValue(spans),
      fix: renameFix(['spans'], Object.keys(row)),
    })
  spans.forEach((span: Partial<TextSpan> | null, i) => {
    const { start, end, label } = span ?? {}
    if (typeof label !== 'string' || label === '')
      throw new DataError({
        where: `${spanPlace(where, i)}, field "label"`,
        what: 'not a label',
        expected: 'the type of the entity, a string',
        found: describeValue(label),
      })
    const valid = Number.isInteger(start) && Number.isInteger(end) && (start as number) >= 0
    if (!valid || (start as number) >= (end as number) || (end as number) > text.length)
      throw new DataError({
        where: spanPlace(where, i),
        what: 'not a part of the text',
        expected: `0 <= start < end <= ${text.length}, the length of the text`,
        found: `start ${describeValue(start)}, end ${describeValue(end)}`,
      })
  })
  refuseOverlap(spans, text, where)
  return spans
}

function refuseOverlap(spans: readonly TextSpan[], text: string, where: string): void {
  const order = spans.map((span, i) => ({ span, i })).sort((a, b) => a.span.start - b.span.start)
  order.slice(1).forEach(({ span, i }, k) => {
    const before = order[k] as (typeof order)[number]
    if (before.span.end <= span.start) return
    const shown = ({ start, end }: TextRange): string => `${start} to ${end} ${JSON.stringify(text.slice(start, end))}`
    throw new DataError({
      where: spanPlace(where, i),
      what: `overlaps span ${before.i + 1}`,
      found: `${shown(before.span)} and ${shown(span)}`,
      fix: 'A word has one tag: keep one of the two.',
    })
  })
}

/** @throws {DataError} for a span with an edge inside of a word. */
function refuseCut(span: TextSpan, ranges: readonly TextRange[], text: string, where: string): void {
  const cut = ranges.find(({ start, end }) => [span.start, span.end].some((edge) => edge > start && edge < end))
  if (!cut) return
  throw new DataError({
    where,
    what: `cuts the word ${JSON.stringify(text.slice(cut.start, cut.end))}`,
    expected: `an edge at ${cut.start} or ${cut.end}`,
    found: `${span.start} to ${span.end}, ${JSON.stringify(text.slice(span.start, span.end))}`,
    fix: 'Move the edge, or write the row as { words, tags } with words as you need them.',
  })
}
