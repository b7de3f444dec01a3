// What may not be meant of the types of entities, and of rows that tag the same words.

import { contradictions, firstPlaces, type RowsByName, similarClasses } from '@cola/data'
import type { TokenClassificationRow } from './tagged-words.ts'

type Row = TokenClassificationRow

const field = 'field "tags" or "spans"'

/** The type of each entity of a row. */
const typesOf = (row: Row): string[] =>
  'words' in row
    ? row.tags.flatMap((tag) => (tag.startsWith('B-') ? [tag.slice(2)] : []))
    : row.spans.map(({ label }) => label)

/** What is read of a row, and what it says of it. */
const said = (row: Row) =>
  'words' in row
    ? { input: row.words, label: row.tags }
    : {
        input: row.text,
        label: row.spans.map(({ start, end, label }) => ({ start, end, label })).sort((a, b) => a.start - b.start),
      }

/**
 * Warnings of types whose names are variants of one another, and of sentences that are tagged in several ways.
 * @param labels Tags of the model.
 * @param named Whether an option names them.
 */
export function tagDoubts(given: RowsByName<Row>, labels: readonly string[], named: boolean): string[] {
  const types = labels.flatMap((tag) => (tag.startsWith('B-') ? [tag.slice(2)] : []))
  const similar = named ? [] : similarClasses(types, field, 'labels', firstPlaces(given, typesOf))
  return [...similar, ...contradictions(given, said, field)]
}
