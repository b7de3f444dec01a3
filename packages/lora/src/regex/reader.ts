// A place in a pattern, and what is known of it so far.

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

/** A pattern that Python refuses, or that JavaScript has no equal of. */
export class PatternError extends Error {
  /** Where, in characters from 0. */
  readonly at: number
  constructor(reason: string, at: number) {
    super(reason)
    this.at = at
  }
}

export interface Group {
  /** Its name in Python, if it has one. */
  readonly called: string | undefined
  /** Its name in JavaScript, where all groups have one: `$1` is no name in Python. */
  readonly name: string
  /** The look-behind that it lies in. */
  readonly behind: object | undefined
  /** Whether it may have matched nothing where the reader is. */
  mayBeUnset: boolean
  /** Characters that it takes; undefined while it is open. */
  width: { readonly min: number; readonly max: number } | undefined
}

export interface Reader {
  readonly text: string
  at: number
  flags: Flags
  readonly groups: Group[]
  /** Atomic groups so far. */
  atomics: number
  /** Loops so far of what may be empty. */
  emptyLoops: number
  /** The look-behind that the reader is in. */
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

/** Reads what is ahead, if it is. */
export function take(reader: Reader, what: string): boolean {
  if (!ahead(reader, what)) return false
  reader.at += what.length
  return true
}

/** Reads what a sticky expression matches, if it does. */
export function takeMatch(reader: Reader, expression: RegExp): RegExpExecArray | undefined {
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

/** Reads comments and, with the flag x, spaces. */
export function skip(reader: Reader): void {
  while (takeMatch(reader, /\(\?#[^)]*\)/y) || (reader.flags.x && takeMatch(reader, /[ \t\n\r\v\f]+|#[^\n]*/y)));
  if (ahead(reader, '(?#')) fail(reader, 'missing ), unterminated comment')
}
