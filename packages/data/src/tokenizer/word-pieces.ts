// Finds the tokens of each word: those of the whole text, if token boundaries are word boundaries. Python's tokenizers
// return the word of a token; the JavaScript port does not, so it is found by encoding parts of the text.

import type { TextRange } from './divide-words.ts'

/** Ids of a text without special tokens. */
export type EncodeContent = (text: string) => readonly number[]

/** Tokens of one word, or of white space that a tokenizer keeps, such as line breaks. */
export interface WordPieces {
  /** Index of the word; null for white space. */
  word: number | null
  ids: readonly number[]
}

/** Texts that show whether a tokenizer adds the space before a word, or ignores spaces. */
const probes = ['a b', 'The the', '1 2', ', .']

/**
 * Whether a word alone has the same tokens as after a space: WordPiece, SentencePiece and `add_prefix_space`. Other
 * byte-level tokenizers need the space.
 */
function standsAlone(encode: EncodeContent): boolean {
  return probes.every((probe) => {
    const [first, second] = probe.split(' ') as [string, string]
    return same(encode(probe), [...encode(first), ...encode(second)])
  })
}

/**
 * Tokens of words that are already split: each word is encoded alone, like transformers' `is_split_into_words`, with a
 * space before it if the tokenizer does not add one.
 */
export function piecesOfWords(encode: EncodeContent, words: readonly string[]): WordPieces[] {
  const alone = standsAlone(encode)
  return words.map((text, word) => ({ word, ids: encode(alone || word === 0 ? text : ` ${text}`) }))
}

/**
 * Tokens of a text, by word: those of the whole text; words that share a token are encoded alone.
 * @param words In order, not overlapping.
 */
export function piecesInText(encode: EncodeContent, text: string, words: readonly TextRange[]): WordPieces[] {
  const pieces: WordPieces[] = []
  let before: Run = { first: 0, words: [], start: 0, end: 0 }
  for (const run of runsOf(words)) {
    pieces.push(...piecesOfRun(encode, text, before, run))
    before = run
  }
  const rest = partAfter(encode, text.slice(before.start, before.end), text.slice(before.end))
  return rest.length > 0 ? [...pieces, { word: null, ids: rest }] : pieces
}

/** Words without anything between them. */
interface Run extends TextRange {
  /** Index of the first word. */
  first: number
  words: readonly TextRange[]
}

/** Maximum number of words of a run, because each word is encoded with the run before it. */
const maxRun = 48

function runsOf(words: readonly TextRange[]): Run[] {
  const runs: Run[] = []
  words.forEach((word, i) => {
    const last = runs.at(-1)
    if (last?.end === word.start && last.words.length < maxRun)
      runs[runs.length - 1] = { ...last, words: [...last.words, word], end: word.end }
    else runs.push({ ...word, first: i, words: [word] })
  })
  return runs
}

/** Tokens of a run; of the text before it, they depend on the previous run only. */
function piecesOfRun(
  encode: EncodeContent,
  text: string,
  before: Run,
  { first, words, start, end }: Run,
): WordPieces[] {
  const context = text.slice(before.start, before.end)
  const gap = text.slice(before.end, start)
  const idsUpTo = (end: number) => partAfter(encode, context, text.slice(before.end, end))
  const runIds = idsUpTo(end)
  const spaceLength = spaceTokens(runIds, gap, idsUpTo, before.end)
  const wordAlone = (word: TextRange): readonly number[] => encode(text.slice(word.start, word.end))
  /** Tokens of a word alone: the first word of a run after the space, others without a space. */
  const aloneIds = (word: TextRange): readonly number[] => {
    const ids =
      word.start === start
        ? idsUpTo(word.end).slice(spaceLength)
        : partAfter(encode, ',', text.slice(word.start, word.end))
    return ids.length > 0 ? ids : wordAlone(word)
  }

  const space: WordPieces[] = spaceLength > 0 ? [{ word: null, ids: runIds.slice(0, spaceLength) }] : []
  const isEmpty = (word: TextRange): boolean => wordAlone(word).length === 0
  const pieces = separable(words, runIds, idsUpTo, spaceLength, isEmpty).flatMap(({ words: group, ids }) =>
    group.length === 1 && ids.length > 0 ? [ids] : group.map(aloneIds),
  )
  return [...space, ...pieces.map((ids, i) => ({ word: first + i, ids }))]
}

/** Words that share tokens. */
interface Group {
  words: TextRange[]
  ids: readonly number[]
}

/**
 * Splits the words of a run into the smallest groups with token boundaries at their ends. A word without tokens that
 * has some alone joins the group before it: an unknown token may stand for several words.
 */
function separable(
  words: readonly TextRange[],
  runIds: readonly number[],
  idsUpTo: (end: number) => readonly number[],
  from: number,
  isEmpty: (word: TextRange) => boolean,
): Group[] {
  const groups: Group[] = []
  let [pending, at]: [TextRange[], number] = [[], from]
  words.forEach((word, i) => {
    pending.push(word)
    const part = i === words.length - 1 ? runIds : idsUpTo(word.end)
    if (part.length < at || !startsWith(runIds, part)) return
    const shares = part.length === at && !pending.every(isEmpty)
    const group: Group = { words: pending, ids: runIds.slice(at, part.length) }
    const last = shares ? groups.pop() : undefined
    groups.push(last ? { words: [...last.words, ...group.words], ids: last.ids } : group)
    ;[pending, at] = [[], part.length]
  })
  return groups
}

/**
 * Number of tokens of the white space before a run. A last space belongs to the word, as in SentencePiece and
 * byte-level tokenizers.
 */
function spaceTokens(
  runIds: readonly number[],
  gap: string,
  idsUpTo: (end: number) => readonly number[],
  start: number,
): number {
  for (let length = gap.length - (gap.endsWith(' ') ? 1 : 0); length > 0; length--) {
    const part = idsUpTo(start + length)
    if (startsWith(runIds, part)) return part.length
  }
  return 0
}

/**
 * Tokens of a text after a context: the rest of both, if it starts with the tokens of the context; else of the text
 * alone.
 */
function partAfter(encode: EncodeContent, context: string, text: string): readonly number[] {
  if (context === '') return encode(text)
  const [both, first] = [encode(context + text), encode(context)]
  return startsWith(both, first) ? both.slice(first.length) : encode(text)
}

const startsWith = (ids: readonly number[], first: readonly number[]): boolean =>
  first.length <= ids.length && first.every((id, i) => ids[i] === id)

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && startsWith(a, b)
