// The state of the parser: its position in a pattern, its flags and its groups.

/**
 * Flags that change what a piece of a pattern matches: ignore case, multi-line, dot matches all, verbose, ASCII
 * classes.
 */
export interface Flags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
  readonly x: boolean
  readonly a: boolean
}

/** Error for a pattern that Python refuses or JavaScript cannot express. */
export class PatternError extends Error {
  /** Position of the error, in characters from 0. */
  readonly at: number
  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

interface Group {
  /** Its name in Python, if it has one. */
  readonly called: string | undefined
  /** Its name in JavaScript, where all groups have one: `$1` is no name in Python. */
  readonly name: string
  /** The look-behind that contains it. */
  readonly behind: object | undefined
  /** Whether it may be unset at the current position. */
  mayBeUnset: boolean
  /** Number of characters that it matches; undefined while it is open. */
  width: { readonly min: number; readonly max: number } | undefined
}

export interface Reader {
  readonly text: string
  at: number
  flags: Flags
  readonly groups: Group[]
  /** Number of atomic groups up to here. */
  atomics: number
  /** Number of loops up to here whose body may be empty. */
  emptyLoops: number
  /** The look-behind at the current position. */
  behind: object | undefined
}

const noFlags: Flags = { i: false, m: false, s: false, x: false, a: false }

export const readerOf = (text: string): Reader => ({
  text,
  at: 0,
  flags: noFlags,
  groups: [],
  atomics: 0,
  emptyLoops: 0,
  behind: undefined,
})

export function fail({ at }: Reader, reason: string): never {
  throw new PatternError(reason, at)
}

export const ahead = ({ text, at }: Reader, what: string): boolean => text.startsWith(what, at)

/** Consumes a literal string if it comes next. */
export function take(reader: Reader, what: string): boolean {
  if (!ahead(reader, what)) return false
  reader.at += what.length
  return true
}

/** Consumes the match of a sticky expression, if there is one. */
export function takeMatch(reader: Pick<Reader, 'text' | 'at'>, expression: RegExp): RegExpExecArray | undefined {
  expression.lastIndex = reader.at
  const match = expression.exec(reader.text)
  if (match) reader.at += match[0].length
  return match ?? undefined
}

export function takeCharacter(reader: Reader): string {
  const code = reader.text.codePointAt(reader.at)
  if (code === undefined) return fail(reader, 'unexpected end of pattern')
  const character = String.fromCodePoint(code)
  reader.at += character.length
  return character
}

/** Skips comments and, with the flag x, whitespace. */
export function skip(reader: Reader): void {
  while (takeMatch(reader, /\(\?#[^)]*\)/y) || (reader.flags.x && takeMatch(reader, /[ \t\n\r\v\f]+|#[^\n]*/y)));
  if (ahead(reader, '(?#')) fail(reader, 'missing ), unterminated comment')
}
