// Translates escape sequences and bracketed character classes.

import { type ClassItem, classOf, classSource, type CharacterClass } from './characters.ts'
import { ahead, fail, type Reader, take, takeCharacter, takeMatch } from './reader.ts'

const letters: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11, '\\': 92 }

/**
 * The code point of an escaped character, after its backslash. Inside brackets \b is a backspace, outside a
 * word boundary.
 * @param octals Digits that are a code point; elsewhere they refer to a group.
 */
export function escaped(reader: Reader, octals = /0[0-7]{0,2}|[1-7][0-7]{2}/y): number {
  const hex = takeMatch(reader, /x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})/y)
  if (hex) {
    const code = Number.parseInt((hex[1] ?? hex[2] ?? hex[3]) as string, 16)
    return code > 0x10ffff ? fail(reader, `bad escape \\${hex[0]}`) : code
  }
  const octal = takeMatch(reader, octals)
  if (octal) {
    const code = Number.parseInt(octal[0], 8)
    return code > 0o377 ? fail(reader, `octal escape value \\${octal[0]} outside of range 0-0o377`) : code
  }
  if (ahead(reader, 'N{')) return fail(reader, 'a character by its name, \\N{...}: write \\uXXXX')
  const character = takeCharacter(reader)
  if (/^[A-Za-z0-9]$/.test(character) && letters[character] === undefined)
    return fail(reader, `bad escape \\${character}`)
  return letters[character] ?? (character.codePointAt(0) as number)
}

/** A class, after its bracket. */
export function set(reader: Reader): string {
  const negated = take(reader, '^')
  const items: ClassItem[] = []
  // A closing bracket in first position is a literal character.
  while (items.length === 0 || !take(reader, ']')) {
    const from = member(reader)
    if (!ahead(reader, '-') || ahead(reader, '-]')) {
      items.push(typeof from === 'number' ? [from, from] : from)
      continue
    }
    reader.at++
    const to = member(reader)
    if (typeof from !== 'number' || typeof to !== 'number' || to < from) fail(reader, 'bad character range')
    items.push([from as number, to as number])
  }
  return classSource(items, negated, reader)
}

/** A code point, or a class. */
function member(reader: Reader): number | CharacterClass {
  if (reader.at >= reader.text.length) fail(reader, 'unterminated character set')
  const character = takeCharacter(reader)
  if (character !== '\\') return character.codePointAt(0) as number
  const inside = classOf(reader.text[reader.at] ?? '', reader.flags)
  if (inside === undefined) return escaped(reader, /[0-7]{1,3}/y)
  reader.at++
  return inside
}
