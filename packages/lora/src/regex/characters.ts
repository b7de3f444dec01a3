// Characters and classes of Python's `re` as sources of JavaScript's regular expressions with the flag u.

import { fail, type Flags, type Reader } from './reader.ts'

/** A range of code points, or the inside of a class, complemented or not. */
export type ClassItem = readonly [from: number, to: number] | CharacterClass

export interface CharacterClass {
  readonly inside: string
  readonly complemented: boolean
}

/** Python's \d, \s and \w, with and without its flag ASCII, as insides of classes. */
const classes: Readonly<Record<string, readonly [unicode: string, ascii: string]>> = {
  d: ['\\p{Nd}', '0-9'],
  s: ['\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000', '\\t-\\r\\x20'],
  w: ['\\p{L}\\p{N}_', 'A-Za-z0-9_'],
}

/** The class of \d, \s, \w or, complemented, \D, \S, \W; undefined for another letter. */
export function classOf(letter: string, { a }: Flags): CharacterClass | undefined {
  const inside = classes[letter.toLowerCase()]?.[a ? 1 : 0]
  return inside === undefined ? undefined : { inside, complemented: letter !== letter.toLowerCase() }
}

/** A class outside of brackets. */
export const alone = ({ inside, complemented }: CharacterClass): string => `[${complemented ? '^' : ''}${inside}]`

const literal = (code: number): string => {
  const character = String.fromCodePoint(code)
  return /^[A-Za-z0-9_]$/.test(character) ? character : `\\u{${code.toString(16)}}`
}

/**
 * The letters outside ASCII that Python takes for one inside when it ignores case: Turkish i with and without a dot,
 * the Kelvin sign, the long s.
 */
const peculiar: Readonly<Record<string, readonly number[]>> = { i: [0x130, 0x131], k: [0x212a], s: [0x17f] }

/** Code points that Python treats as equal when it ignores case. */
function variants(code: number, reader: Reader): number[] {
  const { i, a } = reader.flags
  const letter = String.fromCodePoint(code)
  if (!i || (code > 127 && a) || letter.toLowerCase() === letter.toUpperCase()) return [code]
  if (code > 127) return fail(reader, `a letter outside ASCII, ${letter}, that ignores case`)
  const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()]
  return [...[lower, upper].map((one) => one.charCodeAt(0)), ...(a ? [] : (peculiar[lower] ?? []))]
}

/** Characters and classes; a complemented class, which a class of the flag u cannot hold, is a branch of its own. */
export function classSource(items: readonly ClassItem[], negated: boolean, reader: Reader): string {
  const complements = items.flatMap((item) => ('inside' in item && item.complemented ? [alone(item)] : []))
  const inside = items
    .flatMap((item) => ('inside' in item ? (item.complemented ? [] : [item.inside]) : range(item, reader)))
    .join('')
  if (complements.length === 0) return `[${negated ? '^' : ''}${inside}]`
  const any = [...(inside === '' ? [] : [`[${inside}]`]), ...complements].join('|')
  return negated ? `(?:(?!${any})[\\s\\S])` : `(?:${any})`
}

/** A range, and what it ignores the case of. */
function range([from, to]: readonly [number, number], reader: Reader): string[] {
  const others = new Set<number>()
  if (reader.flags.i)
    for (let code = from; code <= to; code++)
      for (const one of variants(code, reader)) if (one < from || one > to) others.add(one)
  return [from === to ? literal(from) : `${literal(from)}-${literal(to)}`, ...[...others].map(literal)]
}

/** One character. */
export function character(code: number, reader: Reader): string {
  const all = variants(code, reader)
  return all.length === 1 ? literal(code) : `[${all.map(literal).join('')}]`
}

/** Python's dot stops at line feeds only. */
export const dot = ({ s }: Flags): string => (s ? '[\\s\\S]' : '[^\\n]')

/** Zero-width assertions, keyed by Python's notation. */
export const places: Readonly<Record<string, (flags: Flags) => string>> = {
  '^': ({ m }) => (m ? '(?<=^|\\n)' : '^'),
  $: ({ m }) => (m ? '(?=\\n|$)' : '(?=\\n?$)'),
  '\\A': () => '^',
  '\\Z': () => '$',
  '\\b': (flags) => boundary(flags, '(?:(?<=W)(?!W)|(?<!W)(?=W))'),
  // Python up to 3.13 does not match it in an empty text.
  '\\B': (flags) => boundary(flags, '(?:(?<=W)(?=W)|(?!^$)(?<!W)(?!W))'),
}

const boundary = (flags: Flags, source: string): string =>
  source.replaceAll('W', alone(classOf('w', flags) as CharacterClass))
