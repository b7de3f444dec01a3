// What may not be meant of the types of entities, and of rows that tag the same words.

import { contradictions, firstPlaces, type RowsByName, similarClasses } from '@cola/data'
import { type TagLabels, typesOf } from './tag-labels.ts'
import { readsEntities } from './tag-scheme.ts'
import type { TokenClassificationRow } from './tagged-words.ts'

type Row = TokenClassificationRow

const field = 'field "tags" or "spans"'

/** The type of each entity of a row, and its tags, which are types where they make no entities. */
const typesIn =
  (names: readonly string[]) =>
  (row: Row): string[] => {
    if (!('words' in row)) return row.spans.map(({ label }) => label)
    const tags = row.tags.map((tag) => (typeof tag === 'number' ? (names[tag] as string) : tag))
    return tags.flatMap((tag) => [tag, tag.slice(2)])
  }

/** What is read of a row, and what it says of it. */
const said = (row: Row) =>
  'words' in row
    ? { input: row.words, label: row.tags }
    : {
        input: row.text,
        label: row.spans.map(({ start, end, label }) => ({ start, end, label })).sort((a, b) => a.start - b.start),
      }

/**
 * Warnings of types whose names are variants of one another, of sentences that are tagged in several ways, and of a
 * single tag.
 * @param settings Tags of the model.
 * @param isNamed Whether an option names them.
 */
export function tagDoubts(given: RowsByName<Row>, settings: TagLabels, isNamed: boolean): string[] {
  const { labels, names = labels } = settings
  const types = readsEntities(settings) ? typesOf(labels) : labels
  const similar = isNamed ? [] : similarClasses(types, field, 'labels', firstPlaces(given, typesIn(names)))
  const single = `${field}: each word has the tag "${labels[0]}", and the model learns no other; the option labels names more`
  return [...similar, ...contradictions(given, said, field), ...(isNamed || labels.length > 1 ? [] : [single])]
}
