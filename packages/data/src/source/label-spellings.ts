// How the labels of a table are spelt, for warnings: several spellings of a class, and classes whose names are similar.

import { similarClasses } from './doubtful-classes.ts'

/** Places of the first rows of each spelling, by class. */
type Spellings = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Where each spelling is found first. @param normalize Gives the class of a spelling. */
export function spellingsByClass(
  rows: readonly { place: string }[],
  spellings: readonly string[],
  normalize: (label: string) => string,
): Spellings {
  const places = new Map<string, Map<string, string>>()
  for (const [i, { place }] of rows.entries()) {
    const label = spellings[i] as string
    const name = normalize(label)
    const ofClass = places.get(name) ?? new Map<string, string>()
    if (ofClass.size === 0) places.set(name, ofClass)
    if (!ofClass.has(label)) ofClass.set(label, place)
  }
  return places
}

/** Labels that are taken as one class: the first three classes, and how many more. */
export function mergedLabels(places: Spellings): string[] {
  const merged = [...places].filter(([, { size }]) => size > 1)
  const told = merged.slice(0, 3).map(([name, ofClass]) => {
    const listed = [...ofClass].map(([label, place]) => `${JSON.stringify(label)} (${place})`)
    return `labels taken as class "${name}": ${listed.join(', ')}`
  })
  const more = merged.length - told.length
  return more > 0 ? [...told, `labels in several spellings are taken as one in ${more} more classes`] : told
}

/** Classes that differ in case or spaces alone, with the places of their first rows. */
export const similarSpellings = (names: readonly string[], places: Spellings, where: string): string[] =>
  similarClasses(names, where, 'classes', (name) => places.get(String(name))?.values().next().value)
