// Grammatical phenomena as minimal pairs: each template draws words and returns an acceptable sentence and one that
// differs in the phenomenon only.

import type { Random } from '../random.ts'
import {
  adjectives,
  clausal,
  control,
  intransitive,
  type Noun,
  names,
  people,
  places,
  social,
  things,
  times,
  transitive,
  type Verb,
} from './lexicon.ts'

/** An acceptable sentence and its unacceptable counterpart. */
export interface MinimalPair {
  acceptable: string
  unacceptable: string
}

export type Template = (r: Random) => MinimalPair

const sentence = (words: string, end = '.'): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}${end}`
const pair = (good: string, bad: string, end = '.'): MinimalPair => ({
  acceptable: sentence(good, end),
  unacceptable: sentence(bad, end),
})

const the = (noun: Noun, plural: boolean): string => `the ${plural ? noun.plural : noun.singular}`
const agree = (verb: Verb, plural: boolean): string => (plural ? verb.base : verb.third)
const object = (r: Random): string => the(r.pick(things), r.uniform() < 0.5)
const person = (r: Random): string => the(r.pick(people), r.uniform() < 0.5)
const two = <Item>(r: Random, items: readonly Item[]): [Item, Item] => {
  const [a, b] = r.shuffle(items)
  return [a as Item, b as Item]
}
const reflexive = { feminine: 'herself', masculine: 'himself', neuter: 'itself' } as const

/** Templates by phenomenon: at least two each, so that the last of each can be held out. */
export const phenomena = {
  'subject-verb agreement': [
    (r) => {
      const [noun, verb, plural] = [r.pick(people), r.pick(intransitive), r.uniform() < 0.5]
      return pair(
        `${the(noun, plural)} often ${agree(verb, plural)}`,
        `${the(noun, plural)} often ${agree(verb, !plural)}`,
      )
    },
    (r) => {
      const [noun, verb, plural, place] = [r.pick(people), r.pick(intransitive), r.uniform() < 0.5, r.pick(places)]
      return pair(
        `${the(noun, plural)} in the ${place} ${agree(verb, plural)}`,
        `${the(noun, plural)} in the ${place} ${agree(verb, !plural)}`,
      )
    },
    (r) => {
      const [noun, adjective, plural] = [r.pick(things), r.pick(adjectives), r.uniform() < 0.5]
      return pair(
        `${the(noun, plural)} ${plural ? 'are' : 'is'} ${adjective}`,
        `${the(noun, plural)} ${plural ? 'is' : 'are'} ${adjective}`,
      )
    },
    (r) => {
      const [[first, second], verb, plural] = [two(r, people), r.pick(transitive), r.uniform() < 0.5]
      return pair(
        `${the(first, plural)} near ${the(second, !plural)} ${agree(verb, plural)} ${object(r)}`,
        `${the(first, plural)} near ${the(second, !plural)} ${agree(verb, !plural)} ${object(r)}`,
      )
    },
  ],
  'argument structure': [
    (r) => {
      const [who, verb, what] = [person(r), r.pick(intransitive), object(r)]
      return pair(`${who} ${verb.past}`, `${who} ${verb.past} ${what}`)
    },
    (r) => {
      const [who, verb, what] = [person(r), r.pick(transitive), object(r)]
      return pair(`${who} ${verb.past} ${what} ${r.pick(times)}`, `${who} ${verb.past} ${r.pick(times)}`)
    },
    (r) => {
      const [who, verb, what] = [person(r), r.pick(transitive), object(r)]
      return pair(`${who} will ${verb.base} ${what}`, `${who} will ${verb.base}`)
    },
    (r) => {
      const [who, verb, what, place] = [person(r), r.pick(intransitive), object(r), r.pick(places)]
      return pair(`${who} ${verb.past} in the ${place}`, `${who} ${verb.past} ${what} in the ${place}`)
    },
  ],
  binding: [
    (r) => {
      const [noun, verb] = [r.pick(people), r.pick(social)]
      return pair(
        `the ${noun.singular} ${verb.past} ${reflexive[noun.gender]}`,
        `the ${noun.singular} ${verb.past} ${noun.gender === 'feminine' ? 'himself' : 'herself'}`,
      )
    },
    (r) => {
      const [[name, gender], verb, time] = [r.pick(names), r.pick(social), r.pick(times)]
      return pair(
        `${name} ${verb.past} ${reflexive[gender]} ${time}`,
        `${name} ${verb.past} ${gender === 'feminine' ? 'himself' : 'herself'} ${time}`,
      )
    },
    (r) => {
      const [noun, verb] = [r.pick(people), r.pick(social)]
      return pair(
        `the ${noun.plural} ${verb.past} themselves`,
        `the ${noun.plural} ${verb.past} ${reflexive[noun.gender]}`,
      )
    },
    (r) => {
      const [noun, verb, name] = [r.pick(people), r.pick(social), r.pick(names)[0]]
      return pair(
        `${name} thought that the ${noun.singular} ${verb.past} ${reflexive[noun.gender]}`,
        `${reflexive[noun.gender]} thought that the ${noun.singular} ${verb.past} ${name}`,
      )
    },
  ],
  islands: [
    (r) => {
      const [[name], verb, noun] = [r.pick(names), r.pick(transitive), r.pick(things)]
      return pair(`what did ${name} ${verb.base}`, `what did ${name} ${verb.base} the ${noun.singular}`, '?')
    },
    (r) => {
      const [[name], clause, verb, noun] = [r.pick(names), r.pick(clausal), r.pick(transitive), r.pick(people)]
      return pair(
        `what did ${name} ${clause.base} that the ${noun.singular} ${verb.past}`,
        `what did ${name} ${clause.base} the ${noun.singular} who ${verb.past}`,
        '?',
      )
    },
    (r) => {
      const [[name], verb, [first, second]] = [r.pick(names), r.pick(transitive), two(r, things)]
      return pair(
        `which ${first.singular} did ${name} ${verb.base} ${r.pick(times)}`,
        `which ${first.singular} did ${name} ${verb.base} the ${second.singular} and`,
        '?',
      )
    },
    (r) => {
      const [[name], verb, noun, leave] = [r.pick(names), r.pick(transitive), r.pick(people), r.pick(intransitive)]
      return pair(
        `what did ${name} ${verb.base} before the ${noun.singular} ${leave.past}`,
        `what did ${name} ${leave.base} before the ${noun.singular} ${verb.past}`,
        '?',
      )
    },
  ],
  determiners: [
    (r) => {
      const [noun, adjective] = [r.pick(things), r.pick(adjectives)]
      return pair(`these ${noun.plural} were ${adjective}`, `these ${noun.singular} were ${adjective}`)
    },
    (r) => {
      const [who, verb, noun] = [person(r), r.pick(transitive), r.pick(things)]
      return pair(`${who} ${verb.past} this ${noun.singular}`, `${who} ${verb.past} this ${noun.plural}`)
    },
    (r) => {
      const [noun, verb] = [r.pick(people), r.pick(intransitive)]
      return pair(`every ${noun.singular} ${verb.past}`, `every ${noun.plural} ${verb.past}`)
    },
    (r) => {
      const [noun, verb, what] = [r.pick(people), r.pick(transitive), object(r)]
      return pair(`many ${noun.plural} ${verb.past} ${what}`, `many ${noun.singular} ${verb.past} ${what}`)
    },
  ],
  'word order': [
    (r) => {
      const [noun, adjective, verb] = [r.pick(things), r.pick(adjectives), r.pick(transitive)]
      const who = person(r)
      return pair(
        `${who} ${verb.past} the ${adjective} ${noun.singular}`,
        `${who} ${verb.past} the ${noun.singular} ${adjective}`,
      )
    },
    (r) => {
      const [who, verb, what] = [person(r), r.pick(transitive), object(r)]
      return pair(`${who} ${verb.past} ${what}`, `${who} ${what} ${verb.past}`)
    },
    (r) => {
      const [who, verb, place] = [person(r), r.pick(intransitive), r.pick(places)]
      return pair(`${who} ${verb.past} in the ${place}`, `${who} ${verb.past} the in ${place}`)
    },
    (r) => {
      const [[name], verb, what] = [r.pick(names), r.pick(transitive), object(r)]
      return pair(`did ${name} ${verb.base} ${what}`, `${name} did ${what} ${verb.base}`, '?')
    },
  ],
  'verb forms': [
    (r) => {
      const [who, verb] = [the(r.pick(people), false), r.pick(transitive)]
      return pair(`${who} has ${verb.participle} ${object(r)}`, `${who} has ${verb.base} ${object(r)}`)
    },
    (r) => {
      const [who, verb] = [person(r), r.pick(intransitive)]
      return pair(`${who} will ${verb.base} ${r.pick(times)}`, `${who} will ${verb.third} ${r.pick(times)}`)
    },
    (r) => {
      const [noun, verb, [name]] = [r.pick(things), r.pick(transitive), r.pick(names)]
      return pair(
        `the ${noun.singular} was ${verb.participle} by ${name}`,
        `the ${noun.singular} was ${verb.base} by ${name}`,
      )
    },
    (r) => {
      const [who, verb] = [person(r), r.pick(intransitive)]
      return pair(`${who} did not ${verb.base}`, `${who} did not ${verb.third}`)
    },
  ],
  complements: [
    (r) => {
      const [who, want, verb] = [person(r), r.pick(control), r.pick(intransitive)]
      return pair(`${who} ${want.past} to ${verb.base}`, `${who} ${want.past} ${verb.base}`)
    },
    (r) => {
      const [[name], clause, who, verb] = [r.pick(names), r.pick(clausal), person(r), r.pick(intransitive)]
      return pair(
        `${name} ${clause.past} that ${who} ${verb.past}`,
        `${name} ${clause.past} that ${who} to ${verb.base}`,
      )
    },
    (r) => {
      const [who, want, verb, what] = [person(r), r.pick(control), r.pick(transitive), object(r)]
      return pair(`${who} ${want.past} to ${verb.base} ${what}`, `${who} ${want.past} that ${verb.base} ${what}`)
    },
    (r) => {
      const [[name], want, verb] = [r.pick(names), r.pick(control), r.pick(intransitive)]
      return pair(`${name} never ${want.past} to ${verb.base}`, `${name} never ${want.past} to ${verb.past}`)
    },
  ],
  'negative polarity': [
    (r) => {
      const [noun, verb] = [r.pick(people), r.pick(transitive)]
      return pair(
        `no ${noun.singular} ever ${verb.past} ${object(r)}`,
        `the ${noun.singular} ever ${verb.past} ${object(r)}`,
      )
    },
    (r) => {
      const [[name], verb, noun] = [r.pick(names), r.pick(transitive), r.pick(things)]
      return pair(`${name} did not ${verb.base} any ${noun.plural}`, `${name} ${verb.past} any ${noun.plural}`)
    },
    (r) => {
      const [noun, verb] = [r.pick(people), r.pick(intransitive)]
      return pair(`the ${noun.plural} did not ${verb.base} at all`, `the ${noun.plural} ${verb.past} at all`)
    },
  ],
} satisfies Record<string, readonly Template[]>

/** Names of the grammatical phenomena that sentences are generated for. */
export type Phenomenon = keyof typeof phenomena
