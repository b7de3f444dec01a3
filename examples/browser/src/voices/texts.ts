// The texts of the three voices, in words that the embedded model has read.

const people = ['girl', 'boy', 'king', 'queen', 'monk', 'waiter', 'mother', 'father', 'sister', 'brother']
const names = ['anna', 'clara', 'hugo', 'oscar', 'peter', 'ruth']
const things = ['lamp', 'picture', 'chair', 'book', 'letter', 'wheel', 'coat', 'key', 'bottle', 'apple', 'basket']
const places = ['in the garden', 'in the kitchen', 'near the river', 'in the market', 'near the station']
const beliefs = ['said', 'believed', 'thought', 'knew']
const done = ['broke', 'hid', 'found', 'bought', 'held', 'painted', 'mended', 'carried']
const refusals = ['did not', 'never wanted to', 'refused to', 'will not']
const deeds = ['laugh', 'sleep', 'smile', 'arrive', 'fall', 'dance']
const nevers = ['ever', 'in any garden', 'on any morning', 'near any river']

const whos = [
  ...people.map((one) => `the ${one}`),
  ...people.map((one) => `the ${one}s`),
  ...names,
  ...people.map((one) => `every ${one}`),
  ...people.map((one) => `the old ${one}`),
  ...people.map((one, i) => `the ${one} ${at(places, i)}`),
]

/** An item by a number, again from the first when they end. */
function at(items: readonly string[], i: number): string {
  return items[i % items.length] as string
}

const others = [...names, ...people.map((one) => `the ${one}`)]

interface Sort {
  /** What it is called in files and calls. */
  name: string
  title: string
  about: string
  /** The text of a beginning and its number. */
  text: (who: string, i: number) => string
}

const sorts: readonly Sort[] = [
  {
    name: 'gossip',
    title: 'The gossip',
    about: 'Tells what somebody said of somebody else.',
    text: (who, i) =>
      `${who} ${at(beliefs, i)} that ${at(others, 7 * i + 3)} ${at(done, 3 * i + 1)} the ${at(things, 5 * i + 2)}.`,
  },
  {
    name: 'doubter',
    title: 'The doubter',
    about: 'Nothing ever happened, nowhere.',
    text: (who, i) => `${who} ${at(refusals, 3 * i)} ${at(deeds, 5 * i + 1)} ${at(nevers, 7 * i + (i >> 2))}.`,
  },
  {
    name: 'asker',
    title: 'The asker',
    about: 'Makes a question of everything.',
    text: (who, i) => `${who} ${at(done, 3 * i + 1)} which ${at(things, 5 * i + 2)}?`,
  },
]

/** The voices that the page brings, each with the texts that it learns from. */
export const voiceTexts = sorts.map(({ text, ...sort }) => ({ ...sort, texts: whos.map(text) }))
