// Rows that may not be meant: classes and texts with what is doubtful of their labels, and where the rows of a class are.

import { requireKind } from '@cola/graph/door'
import type { Label } from './class-labels.ts'
import { doubtfulClasses, type PlaceOf, similarClasses } from './doubtful-classes.ts'
import { describeValue, rowPlace } from './row-checks.ts'

/** Rows as they were given, by the name that errors have for them, such as `train`. */
export type RowsByName<Row> = Readonly<Record<string, readonly Row[]>>

/** Calls a function for each row, with its place. */
function forEachRow<Row>(parts: RowsByName<Row>, visit: (row: Row, place: () => string) => void): void {
  for (const [where, rows] of Object.entries(parts))
    for (const [i, row] of rows.entries()) visit(row, () => rowPlace(where, i, row))
}

/** Where the first row of each class is, for warnings. @param labelsOf The classes of a row. */
export function firstPlaces<Row>(parts: RowsByName<Row>, labelsOf: (row: Row) => readonly Label[]): PlaceOf {
  requireKind('firstPlaces, parts', parts, 'object')
  const places = new Map<Label, () => string>()
  forEachRow(parts, (row, place) => {
    for (const label of labelsOf(row)) if (!places.has(label)) places.set(label, place)
  })
  return (label) => places.get(label)?.()
}

/** What a row says of what is read. */
interface Said {
  readonly input: unknown
  readonly label: unknown
  readonly place: () => string
}

/**
 * Texts that several rows give different labels, for a warning: how many, and the first of them with the places of their
 * rows.
 * @param read What is read of a row, and its label; both are compared as JSON.
 * @param where The field.
 */
export function contradictions<Row>(
  parts: RowsByName<Row>,
  read: (row: Row) => { input: unknown; label: unknown },
  where: string,
): string[] {
  requireKind('contradictions, parts', parts, 'object')
  const byText = new Map<string, Map<string, Said>>()
  forEachRow(parts, (row, place) => {
    const { input, label } = read(row)
    const [text, name] = [JSON.stringify(input), JSON.stringify(label)]
    const said = byText.get(text) ?? new Map<string, Said>()
    if (said.size === 0) byText.set(text, said)
    if (!said.has(name)) said.set(name, { input, label, place })
  })
  const several = [...byText.values()].filter(({ size }) => size > 1)
  if (several.length === 0) return []
  const listed = several.slice(0, 3).map((said) => described([...said.values()]))
  const count = several.length === 1 ? '1 text has' : `${several.length} texts have`
  return [`${where}: ${count} several labels, ${listed.join('; ')}; leave out the rows whose label is wrong`]
}

/** A text with the first of its labels. */
const described = (said: readonly Said[]): string =>
  `${describeValue(said[0]?.input)} is ${said
    .slice(0, 3)
    .map(({ label, place }) => `${describeValue(label)} in ${place()}`)
    .join(' and ')}`

/** What is known of labelled rows. */
export interface LabelledRows<Row> {
  /** The labels of training and of validation rows. */
  train: readonly Label[]
  validation: readonly Label[]
  /** The rows as they were given. */
  given: RowsByName<Row>
  classes: readonly Label[]
  /** Whether someone named the classes. */
  named: boolean
  /** The classes of a row. */
  labelsOf: (row: Row) => readonly Label[]
  /** What is read of a row, and its label. */
  said: (row: Row) => { input: unknown; label: unknown }
}

/**
 * Warnings of classes with few rows, of names that are variants of one another, and of texts with several labels.
 * @param where The field of the label.
 */
export function labelDoubts<Row>(rows: LabelledRows<Row>, where: string): string[] {
  requireKind('labelDoubts, rows', rows, 'object')
  const { train, validation, given, classes, named, labelsOf, said } = rows
  const placeOf = firstPlaces(given, labelsOf)
  return [
    ...doubtfulClasses(train, validation, where, { named, placeOf }),
    ...(named ? [] : similarClasses(classes, where, 'labels', placeOf)),
    ...contradictions(given, said, where),
  ]
}
