// The tokens of words: those that the tokenizer gives for the whole text, wherever they respect the words' edges.
// Python's tokenizers say which word a token is of; the JavaScript port does not, so it is found by encoding parts.

import type { TextRange } from './words.ts'

/** Ids of a text without special tokens. */
export type EncodeContent = (text: string) => readonly number[]

/** Tokens that belong to one word, or to none: line breaks and other white space that a tokenizer keeps. */
export interface WordPieces {
  /** Index of the word. */
  word: number | null
  ids: readonly number[]
}

/** Texts that tell whether a tokenizer puts in the space before a word itself, or reads over spaces. */
const probes = ['a b', 'The the', '1 2', ', .']

/**
 * Whether a word alone has the tokens that it has after a space, as with WordPiece, SentencePiece and
 * `add_prefix_space`. Other byte-level tokenizers must be given the space.
 */
function standsAlone(encode: EncodeContent): boolean {
  return probes.every((probe) => {
    const [first, second] = probe.split(' ') as [string, string]
    return same(encode(probe), [...encode(first), ...encode(second)])
  })
}

/**
 * Tokens of the words of a sentence that was divided before: each word by itself, as transformers'
 * `is_split_into_words` has it; with the space before it where the tokenizer does not put it in.
 */
export function piecesOfWords(encode: EncodeContent, words: readonly string[]): WordPieces[] {
  const alone = standsAlone(encode)
  return words.map((text, word) => ({ word, ids: encode(alone || word === 0 ? text : ` ${text}`) }))
}

/**
 * Tokens of a text and the words that they are of: those of the whole text. Where a token lies across the edge of two
 * words, both are encoded by themselves.
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

/** Words that touch each other. */
interface Run extends TextRange {
  /** Index of the first word. */
  first: number
  words: readonly TextRange[]
}

/** Greatest number of words of a run: each is encoded with the run up to it. */
const longestRun = 48

function runsOf(words: readonly TextRange[]): Run[] {
  const runs: Run[] = []
  words.forEach((word, i) => {
    const last = runs.at(-1)
    if (last?.end === word.start && last.words.length < longestRun)
      runs[runs.length - 1] = { ...last, words: [...last.words, word], end: word.end }
    else runs.push({ ...word, first: i, words: [word] })
  })
  return runs
}

/** Tokens of a run as they are after the run before it, which is all that they depend on. */
function piecesOfRun(
  encode: EncodeContent,
  text: string,
  before: Run,
  { first, words, start, end }: Run,
): WordPieces[] {
  const context = text.slice(before.start, before.end)
  const gap = text.slice(before.end, start)
  const upTo = (place: number) => partAfter(encode, context, text.slice(before.end, place))
  const whole = upTo(end)
  const own = spaceTokens(whole, gap, upTo, before.end)
  const wordAlone = (word: TextRange): readonly number[] => encode(text.slice(word.start, word.end))
  /** Tokens of a word by itself: after the space before the run, or without one. */
  const apart = (word: TextRange): readonly number[] => {
    const ids =
      word.start === start ? upTo(word.end).slice(own) : partAfter(encode, ',', text.slice(word.start, word.end))
    return ids.length > 0 ? ids : wordAlone(word)
  }

  const space: WordPieces[] = own > 0 ? [{ word: null, ids: whole.slice(0, own) }] : []
  const isEmpty = (word: TextRange): boolean => wordAlone(word).length === 0
  const pieces = separable(words, whole, upTo, own, isEmpty).flatMap(({ words: group, ids }) =>
    group.length === 1 && ids.length > 0 ? [ids] : group.map(apart),
  )
  return [...space, ...pieces.map((ids, i) => ({ word: first + i, ids }))]
}

interface Group {
  words: TextRange[]
  ids: readonly number[]
}

/**
 * The words of a run in the smallest groups whose edges are edges of tokens, each with its tokens. A word without a
 * token that is not empty by itself shares one: an unknown token may stand for several words.
 */
function separable(
  words: readonly TextRange[],
  whole: readonly number[],
  upTo: (place: number) => readonly number[],
  from: number,
  isEmpty: (word: TextRange) => boolean,
): Group[] {
  const groups: Group[] = []
  let [pending, at]: [TextRange[], number] = [[], from]
  words.forEach((word, i) => {
    pending.push(word)
    const part = i === words.length - 1 ? whole : upTo(word.end)
    if (part.length < at || !startsWith(whole, part)) return
    const shares = part.length === at && !pending.every(isEmpty)
    const group: Group = { words: pending, ids: whole.slice(at, part.length) }
    const last = shares ? groups.pop() : undefined
    groups.push(last ? { words: [...last.words, ...group.words], ids: last.ids } : group)
    ;[pending, at] = [[], part.length]
  })
  return groups
}

/**
 * How many tokens the white space before a run has for itself. A last space belongs to the word, as SentencePiece and
 * byte-level tokenizers have it.
 */
function spaceTokens(
  whole: readonly number[],
  gap: string,
  upTo: (place: number) => readonly number[],
  start: number,
): number {
  for (let length = gap.length - (gap.endsWith(' ') ? 1 : 0); length > 0; length--) {
    const part = upTo(start + length)
    if (startsWith(whole, part)) return part.length
  }
  return 0
}

/** Tokens that a text has after another: without those of the other, where they stay what they are. */
function partAfter(encode: EncodeContent, context: string, text: string): readonly number[] {
  if (context === '') return encode(text)
  const [both, first] = [encode(context + text), encode(context)]
  return startsWith(both, first) ? both.slice(first.length) : encode(text)
}

const startsWith = (ids: readonly number[], first: readonly number[]): boolean =>
  first.length <= ids.length && first.every((id, i) => ids[i] === id)

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && startsWith(a, b)
