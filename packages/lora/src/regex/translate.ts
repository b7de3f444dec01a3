// Python's regular expressions (https://docs.python.org/3/library/re.html) as JavaScript's: a recursive-descent
// parser that translates while it parses. It refuses constructs that JavaScript cannot express or Python refuses.

import { alone, character, classOf, dot, places } from './characters.ts'
import { escaped, set } from './escapes.ts'
import { ahead, fail, type Flags, type Reader, readerOf, skip, take, takeCharacter, takeMatch } from './reader.ts'

/** A part of JavaScript's source, with the minimum and maximum number of characters that it matches. */
interface Piece {
  readonly source: string
  readonly min: number
  readonly max: number
  /** `^`, `$`, `\b` and the like, which Python does not repeat. */
  readonly isPlace?: true
}

/**
 * The source of a regular expression with the flag u that matches what `pattern` does in Python.
 * @throws {PatternError} saying why there is none, and where in the pattern.
 */
export function translate(pattern: string): string {
  const reader = readerOf(pattern)
  for (skip(reader); globalFlags(reader); skip(reader));
  const { source } = alternatives(reader)
  if (reader.at < pattern.length) fail(reader, 'unbalanced parenthesis')
  return source
}

const width = (least: number, most = least): { min: number; max: number } => ({ min: least, max: most })

/**
 * Groups read since there were so many may be unset later: a reference to them fails in Python and matches nothing in
 * JavaScript.
 */
function lose({ groups }: Reader, since: number): void {
  for (const group of groups.slice(since)) group.mayBeUnset = true
}

function alternatives(reader: Reader): Piece {
  const since = reader.groups.length
  const branches = [sequence(reader)]
  while (take(reader, '|')) {
    lose(reader, since)
    branches.push(sequence(reader))
  }
  if (branches.length === 1) return branches[0] as Piece
  lose(reader, since)
  const widths = (of: 'min' | 'max') => branches.map((branch) => branch[of])
  return {
    source: branches.map(({ source }) => source).join('|'),
    ...width(Math.min(...widths('min')), Math.max(...widths('max'))),
  }
}

function sequence(reader: Reader): Piece {
  let all: Piece = { source: '', ...width(0) }
  for (skip(reader); reader.at < reader.text.length && !ahead(reader, '|') && !ahead(reader, ')'); skip(reader)) {
    const next = repeated(reader)
    all = { source: all.source + next.source, ...width(all.min + next.min, all.max + next.max) }
  }
  return all
}

const repeats: Readonly<Record<string, { min: number; max: number }>> = {
  '*': width(0, Number.POSITIVE_INFINITY),
  '+': width(1, Number.POSITIVE_INFINITY),
  '?': width(0, 1),
}

/** `*`, `+`, `?`, `{m}`, `{m,}`, `{,n}`, `{m,n}`, if one is ahead; a brace that is none of these is a character. */
function repeat(reader: Reader): { min: number; max: number } | undefined {
  const simple = repeats[reader.text[reader.at] ?? '']
  if (simple) {
    reader.at++
    return simple
  }
  const braces = takeMatch(reader, /\{(?:(\d+)|(\d*),(\d*))\}/y)
  if (!braces) return undefined
  const [, exactly, least, most] = braces
  const [min, max] = exactly
    ? [Number(exactly), Number(exactly)]
    : [Number(least), most ? Number(most) : Number.POSITIVE_INFINITY]
  if (max < min) fail(reader, 'min repeat greater than max repeat')
  return { min, max }
}

function repeated(reader: Reader): Piece {
  const [since, start, loops] = [reader.groups.length, reader.at, reader.emptyLoops]
  if (repeat(reader)) {
    reader.at = start
    fail(reader, 'nothing to repeat')
  }
  const piece = atom(reader)
  skip(reader)
  const times = repeat(reader)
  if (!times) return piece
  if (piece.isPlace) fail(reader, 'nothing to repeat')
  const { min, max } = times
  const mayBeEmpty = piece.min === 0 && piece.max > 0 && max > min
  if (min === 0 || mayBeEmpty) lose(reader, since)
  if (mayBeEmpty) reader.emptyLoops++
  const suffix = take(reader, '?') ? 'lazy' : take(reader, '+') ? 'possessive' : 'greedy'
  const source = `${piece.source}{${min},${Number.isFinite(max) ? max : ''}}${suffix === 'lazy' ? '?' : ''}`
  skip(reader)
  if (repeat(reader)) fail(reader, 'multiple repeat')
  const repetition = { source, ...width(piece.min * min, piece.max === 0 ? 0 : piece.max * max) }
  return suffix === 'possessive' ? atomic(reader, repetition, loops) : repetition
}

/**
 * An atomic group: a look-ahead, into which JavaScript does not backtrack, and a reference to its match.
 * @param loops Number of preceding loops whose body may be empty: Python ends such a loop at an empty turn, JavaScript tries other
 * branches.
 */
function atomic(reader: Reader, { source, min, max }: Piece, loops: number): Piece {
  if (reader.emptyLoops > loops)
    fail(
      reader,
      'an atomic group or possessive repeat with a loop of what may be empty, which JavaScript ends otherwise',
    )
  if (reader.behind)
    fail(reader, 'an atomic group or possessive repeat in a look-behind, which JavaScript reads backwards')
  const name = `$once${reader.atomics++}`
  return { source: `(?:(?=(?<${name}>${source}))\\k<${name}>)`, ...width(min, max) }
}

function atom(reader: Reader): Piece {
  const { flags, at } = reader
  const one = takeCharacter(reader)
  if (one === '(') return group(reader)
  if (one === '.') return { source: dot(flags), ...width(1) }
  if (one === '[') return { source: set(reader), ...width(1) }
  if (one === '\\') return backslash(reader, at)
  const place = places[one]
  if (place) return { source: place(flags), ...width(0), isPlace: true }
  return { source: character(one.codePointAt(0) as number, reader), ...width(1) }
}

function backslash(reader: Reader, start: number): Piece {
  const { flags } = reader
  const letter = reader.text[reader.at] ?? ''
  const place = places[`\\${letter}`]
  if (place) {
    reader.at++
    return { source: place(flags), ...width(0), isPlace: true }
  }
  const inside = classOf(letter, flags)
  if (inside !== undefined) {
    reader.at++
    return { source: alone(inside), ...width(1) }
  }
  // One or two digits are a reference; three octal digits are a character.
  const number =
    ahead(reader, '0') || /^[0-3][0-7][0-7]/.test(reader.text.slice(reader.at))
      ? undefined
      : takeMatch(reader, /[1-9]\d?/y)
  if (number) return reference(reader, Number(number[0]), start)
  return { source: character(escaped(reader), reader), ...width(1) }
}

function reference(reader: Reader, number: number, start: number): Piece {
  const group = reader.groups[number - 1]
  if (!group) return fail(reader, `invalid group reference ${number}`)
  if (!group.width) return fail(reader, 'cannot refer to an open group')
  if (group.behind && group.behind === reader.behind)
    return fail(reader, 'cannot refer to a group of the same look-behind')
  if (group.mayBeUnset)
    return fail(
      reader,
      `${reader.text.slice(start, reader.at)} refers to a group that may be unset, ` +
        'where JavaScript matches nothing and Python fails',
    )
  if (reader.flags.i) return fail(reader, 'a reference that ignores case')
  return { source: `\\k<${group.name}>`, ...group.width }
}

const flagNames = 'aiLmsux'

/** `(?i)`: at the beginning only, as Python has it since 3.11. */
function globalFlags(reader: Reader): boolean {
  const match = takeMatch(reader, /\(\?([a-zA-Z]+)\)/y)
  if (match) reader.flags = withFlags(reader, match[1] as string, '')
  return match !== undefined
}

function withFlags(reader: Reader, on: string, off: string): Flags {
  for (const flag of on + off) if (!flagNames.includes(flag)) fail(reader, `unknown flag ${flag}`)
  if (on.includes('L')) fail(reader, 'the flag L is for patterns of bytes')
  if (on.includes('a') && on.includes('u')) fail(reader, "the flags 'a' and 'u' are incompatible")
  if (/[aLu]/.test(off)) fail(reader, "the flags 'a', 'u' and 'L' cannot be turned off")
  for (const flag of on) if (off.includes(flag)) fail(reader, `flag ${flag} turned on and off`)
  const flags = Object.fromEntries(
    (['i', 'm', 's', 'x'] as const).map((flag) => [
      flag,
      (reader.flags[flag] || on.includes(flag)) && !off.includes(flag),
    ]),
  )
  return { ...(flags as unknown as Flags), a: on.includes('a') || (reader.flags.a && !on.includes('u')) }
}

/** The rest of a group, up to its parenthesis. */
function body(reader: Reader): Piece {
  const { flags } = reader
  const inside = alternatives(reader)
  if (!take(reader, ')')) fail(reader, 'missing ), unterminated subpattern')
  reader.flags = flags
  return inside
}

function group(reader: Reader): Piece {
  if (!ahead(reader, '?')) return capture(reader, undefined)
  const named = takeMatch(reader, /\?P<([^>]*)>/y)
  if (named) return capture(reader, named[1])
  const called = takeMatch(reader, /\?P=([^)]*)\)/y)
  if (called) {
    const number = 1 + reader.groups.findIndex(({ called: name }) => name === called[1])
    return number === 0
      ? fail(reader, `unknown group name "${called[1]}"`)
      : reference(reader, number, reader.at - called[0].length - 1)
  }
  for (const [start, write] of Object.entries(extensions)) if (take(reader, start)) return write(reader)
  const scoped = takeMatch(reader, /\?([a-zA-Z]*)(?:-([a-zA-Z]+))?:/y)
  if (scoped) {
    const outside = reader.flags
    reader.flags = withFlags(reader, scoped[1] ?? '', scoped[2] ?? '')
    const { source, ...rest } = body(reader)
    reader.flags = outside
    return { source: `(?:${source})`, ...width(rest.min, rest.max) }
  }
  if (takeMatch(reader, /\?[a-zA-Z]+\)/y)) return fail(reader, 'global flags not at the start of the expression')
  return fail(reader, 'unknown extension')
}

function capture(reader: Reader, called: string | undefined): Piece {
  if (called !== undefined && !/^[\p{XID_Start}_]\p{XID_Continue}*$/u.test(called))
    fail(reader, `bad character in group name "${called}"`)
  if (called !== undefined && reader.groups.some((other) => other.called === called))
    fail(reader, `redefinition of group name "${called}"`)
  const group: Reader['groups'][number] = {
    called,
    name: called ?? `$${reader.groups.length + 1}`,
    behind: reader.behind,
    mayBeUnset: false,
    width: undefined,
  }
  reader.groups.push(group)
  const { source, min, max } = body(reader)
  group.width = width(min, max)
  return { source: `(?<${group.name}>${source})`, ...group.width }
}

function lookBehind(reader: Reader, sign: '=' | '!'): Piece {
  const [outside, since] = [reader.behind, reader.groups.length]
  reader.behind ??= {}
  const { source, min, max } = body(reader)
  reader.behind = outside
  if (min !== max) fail(reader, 'look-behind requires fixed-width pattern')
  if (sign === '!') lose(reader, since)
  return { source: `(?:(?<${sign}${source}))`, ...width(0) }
}

function lookAhead(reader: Reader, sign: '=' | '!'): Piece {
  const since = reader.groups.length
  const { source } = body(reader)
  if (sign === '!') lose(reader, since)
  return { source: `(?:(?${sign}${source}))`, ...width(0) }
}

/** The kinds of groups, keyed by the text after `(`. */
const extensions: Readonly<Record<string, (reader: Reader) => Piece>> = {
  '?:': (reader) => {
    const { source, min, max } = body(reader)
    return { source: `(?:${source})`, ...width(min, max) }
  },
  '?>': (reader) => {
    const loops = reader.emptyLoops
    return atomic(reader, body(reader), loops)
  },
  '?=': (reader) => lookAhead(reader, '='),
  '?!': (reader) => lookAhead(reader, '!'),
  '?<=': (reader) => lookBehind(reader, '='),
  '?<!': (reader) => lookBehind(reader, '!'),
  '?(': (reader) => fail(reader, 'a conditional group, which JavaScript has not'),
  '?P': (reader) => fail(reader, 'unknown extension ?P'),
}
