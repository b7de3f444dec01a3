// The rows of the sample tables, made from seeds: three that the embedded model knows the words of, and one of a shop.

import { random } from '@cola/data'
import type { Row } from '../messages.ts'
import type { SampleName } from '../samples.ts'

const people = ['girl', 'boy', 'king', 'queen', 'monk', 'waiter', 'actress', 'mother', 'father', 'sister', 'brother']
const things = ['lamp', 'picture', 'chair', 'book', 'letter', 'wheel', 'coat', 'key', 'bottle', 'apple', 'basket']
const deeds = ['laughed', 'danced', 'sneezed', 'smiled', 'slept', 'vanished', 'arrived', 'fell']
const done = ['found', 'painted', 'mended', 'carried', 'bought', 'held', 'admired', 'broke']
const places = [
  'in the garden',
  'in the kitchen',
  'near the river',
  'in the market',
  'near the station',
  'in the tower',
]
const times = ['yesterday', 'last monday', 'every morning', 'this morning', 'every monday']

type Pick = <Item>(items: readonly Item[]) => Item

/** A sentence of a class, in lower case. */
type Template = (pick: Pick) => string

const kinds: Readonly<Record<string, readonly Template[]>> = {
  where: [
    (pick) => `the ${pick(people)} ${pick(deeds)} ${pick(places)}.`,
    (pick) => `the ${pick(people)} ${pick(done)} the ${pick(things)} ${pick(places)}.`,
  ],
  when: [
    (pick) => `the ${pick(people)} ${pick(deeds)} ${pick(times)}.`,
    (pick) => `the ${pick(people)} ${pick(done)} the ${pick(things)} ${pick(times)}.`,
  ],
  question: [
    (pick) => `which ${pick(things)} did the ${pick(people)} find?`,
    (pick) => `what did the ${pick(people)} say?`,
    (pick) => `who ${pick(done)} the ${pick(things)}?`,
  ],
}

const numbers: Readonly<Record<string, readonly Template[]>> = {
  one: [
    (pick) => `the ${pick(people)} ${pick(deeds)}.`,
    (pick) => `the ${pick(people)} ${pick(done)} ${several(pick)}.`,
  ],
  several: [
    (pick) => `the ${plural(pick(people))} ${pick(deeds)}.`,
    (pick) => `the ${plural(pick(people))} ${pick(done)} the ${pick(things)}.`,
  ],
}

const several = (pick: Pick): string => `the ${plural(pick(things))}`
const plural = (noun: string): string => (noun === 'actress' ? 'actresses' : `${noun}s`)

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Different rows, as many of each class. */
function drawn(classes: Readonly<Record<string, readonly Template[]>>, size: number): readonly Row[] {
  const { pick, shuffle } = random(1, ...Object.keys(classes))
  const rows = Object.entries(classes).flatMap(([label, templates]) => {
    const texts = new Set<string>()
    while (texts.size < size) texts.add(capital(pick(templates)(pick)))
    return [...texts].map((text) => ({ text, label }))
  })
  return shuffle(rows)
}

/** The rows of a sample. */
export const sampleRows: Readonly<Record<SampleName, () => Promise<readonly Row[]>>> = {
  'where-or-when': async () => drawn(kinds, 40),
  'one-or-several': async () => drawn(numbers, 60),
  grammar: async () => (await import('./longer-samples.ts')).grammarRows(),
  shop: async () => (await import('./longer-samples.ts')).shopRows(),
}
