// Matches translated patterns in polynomial time. JavaScript's RegExp backtracks, so that (a+)+b runs for minutes on
// thirty letters; here each part of a pattern maps the set of places where it may begin to those where it may end
// (Thompson 1968), and no place is tried twice. It parses the sources that `translate` writes, not JavaScript at large.

import { type Reader, takeMatch } from './reader.ts'

/** The places where a part may end, for the places where it begins; places count code points. */
type Part = (starts: ReadonlySet<number>, text: readonly string[]) => Set<number>

interface Source extends Pick<Reader, 'text' | 'at'> {
  /** Alternatives and loops so far. */
  choices: number
  /** Whether a loop has choices in it, which a backtracking matcher may try in all combinations. */
  nested: boolean
}

/** A pattern that was read. */
export interface Matcher {
  /** Whether it matches a text from its beginning. */
  readonly test: (text: string) => boolean
  /** Whether a backtracking matcher may take exponential time, or a high power of the text's length. */
  readonly explosive: boolean
  /** Whether it refers to groups, which sets of places cannot tell: then `test` does not hold. */
  readonly refers: boolean
}

/** Reads a source that {@link translate} wrote. */
export function matcherOf(text: string): Matcher {
  const source: Source = { text, at: 0, choices: 0, nested: false }
  const part = alternatives(source)
  return {
    test: (name) => part(new Set([0]), Array.from(name)).size > 0,
    explosive: source.nested || source.choices > mostChoices,
    refers: text.includes('\\k<'),
  }
}

/** Loops one after the other take a power of the text's length. */
const mostChoices = 6

function alternatives(source: Source): Part {
  const starts = [source.at]
  const branches = [sequence(source)]
  while (takeMatch(source, /\|/y)) {
    starts.push(source.at)
    branches.push(sequence(source))
  }
  if (branches.length === 1) return branches[0] as Part
  const letters = starts.map((at) => source.text[at] as string)
  // Branches that begin with different letters leave no choice.
  if (!letters.every((letter, i) => /^\w$/.test(letter) && letters.indexOf(letter) === i)) source.choices++
  return (places, text) => new Set(branches.flatMap((branch) => [...branch(places, text)]))
}

function sequence(source: Source): Part {
  const parts: Part[] = []
  while (source.at < source.text.length && !/[|)]/.test(source.text[source.at] as string)) parts.push(repeated(source))
  return (starts, text) => parts.reduce<Set<number>>((places, part) => part(places, text), new Set(starts))
}

function repeated(source: Source): Part {
  const { choices } = source
  const part = atom(source)
  const counts = takeMatch(source, /\?|\{(\d+),(\d*)\}\??/y)
  if (!counts) return part
  const [all, least, most] = counts
  const [min, max] = all === '?' ? [0, 1] : [Number(least), most ? Number(most) : Number.POSITIVE_INFINITY]
  if (max > 3) {
    if (source.choices > choices) source.nested = true
    source.choices++
  }
  return (starts, text) => {
    let places = new Set(starts)
    // A turn that moves on ends after as many turns as there are characters; one that may stay adds no place later.
    const turns = text.length + 1
    for (let i = 0; i < Math.min(min, turns); i++) places = part(places, text)
    const ends = new Set(places)
    for (let i = min; i < Math.min(max, min + turns) && places.size > 0; i++) {
      places = new Set([...part(places, text)].filter((place) => !ends.has(place)))
      for (const place of places) ends.add(place)
    }
    return ends
  }
}

function atom(source: Source): Part {
  const look = takeMatch(source, /\(\?(<?)([=!])/y)
  if (look) return lookAround(source, look[1] === '<', look[2] === '=')
  if (takeMatch(source, /\(\?(?::|<[^>]*>)/y)) return closed(source)
  if (takeMatch(source, /\^/y)) return places((place) => place === 0)
  if (takeMatch(source, /\\k<[^>]*>/y)) return places(() => true)
  if (takeMatch(source, /\$/y)) return places((place, text) => place === text.length)
  const [character] = takeMatch(source, /\[[^\]]*\]|\\u\{[0-9a-f]+\}|\\n|[A-Za-z0-9_]/y) as RegExpExecArray
  const one = new RegExp(`^${character}$`, 'u')
  return (starts, text) => {
    const ends = [...starts].filter((place) => place < text.length && one.test(text[place] as string))
    return new Set(ends.map((place) => place + 1))
  }
}

/** The rest of a group, with its parenthesis. */
function closed(source: Source): Part {
  const part = alternatives(source)
  source.at++
  return part
}

/** A part without characters, at the places where a condition holds. */
const places =
  (holds: (place: number, text: readonly string[]) => boolean): Part =>
  (starts, text) =>
    new Set([...starts].filter((place) => holds(place, text)))

function lookAround(source: Source, behind: boolean, wanted: boolean): Part {
  const part = closed(source)
  return places((place, text) => {
    const found = behind
      ? part(new Set(Array.from({ length: place + 1 }, (_, start) => start)), text).has(place)
      : part(new Set([place]), text).size > 0
    return found === wanted
  })
}
