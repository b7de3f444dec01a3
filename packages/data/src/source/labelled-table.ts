// Turns records into labelled texts: finds the classes, and checks texts and labels.

import { callable, type Check, type Checks, checkOptions, isBlank } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import type { LabelledText } from './cola.ts'
import { labelledColumns, requireAsked } from './columns.ts'
import { mergedLabels, similarSpellings, spellingsByClass } from './label-spellings.ts'
import { requireRows } from './row-checks.ts'
import { filePlace, keepPlace } from './row-places.ts'

/** Where a table has its texts and labels, and which classes there are. */
export interface LabelOptions {
  /** Name of the column, or field, of texts. @default 'text' */
  text?: string
  /** Name of the column, or field, of labels: text, numbers or booleans. @default 'label' */
  label?: string
  /** Classes in order. @default those that occur, sorted; numbers in ascending order */
  classes?: readonly string[]
  /**
   * Called for labels that are merged into one class, for classes that differ in case or spaces alone, and for text with
   * U+FFFD. @default none
   */
  onWarning?: (message: string) => void
}

/** Rows of texts with classes, and the names of the classes. */
export interface LabelledTable {
  rows: LabelledText[]
  /** Name of each class, by label. */
  classes: string[]
}

/** A text and a label of the file, not checked. */
export interface RawRow {
  /** `line 3` or `row 3`. */
  place: string
  text: unknown
  label: unknown
}

/**
 * Labelled texts from objects in memory, with labels of any kind.
 * @throws {DataError} naming row and field: a text or label that is missing, null, a list or an object; a label that is
 *   no class; no rows.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function labelledTable(records: readonly object[], options: LabelOptions = {}, where = 'rows'): LabelledTable {
  checkOptions('labelledTable', options, labelChecks)
  requireRows(where, records)
  const { text = 'text', label = 'label' } = options
  const rows = records.map((record, i) => {
    const values = record as Readonly<Record<string, unknown>>
    const file = filePlace(record)
    const place = `row ${i + 1}${file ? ` (${file})` : ''}`
    for (const one of labelledColumns(text, label))
      requireAsked(values, one, `${where}, ${place}`, records[0] as typeof values)
    return { place, text: values[text], label: values[label] }
  })
  return labelRows(rows, options, where)
}

const isText = (value: unknown): value is string => typeof value === 'string' && !isBlank(value)
/** Check of a column's name. */
export const column: Check = ["a column's name", isText]

/** Checks of {@link LabelOptions}. */
export const labelChecks: Checks<LabelOptions> = {
  text: column,
  label: column,
  classes: ['an array of strings that are not empty', (value) => Array.isArray(value) && value.every(isText)],
  onWarning: callable,
}

/** Like {@link labelledTable}, for rows with their place in the file. */
export function labelRows(rows: readonly RawRow[], options: LabelOptions, where: string): LabelledTable {
  const { text = 'text', label = 'label', classes, onWarning } = options
  if (rows.length === 0)
    throw new DataError({ where, what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  const at = ({ place }: RawRow, field: string) => `${where}, ${place}, column "${field}"`
  const texts = rows.map((row) => scalar(row.text, at(row, text), 'text'))
  const spellings = rows.map((row) => {
    scalar(row.label, at(row, label), 'a class')
    return String(row.label)
  })
  const normalize = labelNormalizer([...new Set([...spellings, ...(classes ?? [])])])
  const names = classes
    ? uniqueClasses(classes.map((name) => normalize(name)))
    : [...new Set(spellings.map((name) => normalize(name)))].sort(labelOrder(spellings))
  const ids = new Map(names.map((name, id) => [name, id]))
  if (onWarning) {
    const places = spellingsByClass(rows, spellings, normalize)
    const similar = classes ? [] : similarSpellings(names, places, `${where}, column "${label}"`)
    for (const doubt of [...mergedLabels(places), ...similar]) onWarning(doubt)
  }
  return {
    classes: names,
    rows: rows.map((row, i) => {
      const id = ids.get(normalize(spellings[i] as string))
      if (id === undefined)
        throw new DataError({
          where: at(row, label),
          what: 'a label that is no class',
          expected: shortList(names),
          found: JSON.stringify(spellings[i]),
        })
      return keepPlace({ text: texts[i] as string, label: id }, `${where}, ${row.place}`)
    }),
  }
}

const emptyFix =
  'Fill it, or leave the row out: readRecords reads such rows, filter drops them, labelledTable takes the rest.'

/** Values that are neither texts nor labels: predicate, name, and advice. */
const invalidKinds: readonly (readonly [is: (value: unknown) => boolean, name: string, fix: string])[] = [
  [(value) => value === undefined, 'nothing', 'Name the columns of text and label, or leave the row out.'],
  [(value) => value === null, 'null', emptyFix],
  [(value) => value === '', 'an empty field', emptyFix],
  [(value) => typeof value === 'string' && isBlank(value), 'a blank field', emptyFix],
  [Array.isArray, 'a list', 'Give each row one text and one label.'],
  [(value) => typeof value === 'object', 'an object', 'Name a field that holds text.'],
  [(value) => typeof value === 'number' && !Number.isFinite(value), 'no finite number', 'Leave the row out.'],
]

/** A cell as text. @throws {DataError} for a value that is neither text, number nor boolean. */
function scalar(value: unknown, where: string, expected: string): string {
  const kind = invalidKinds.find(([is]) => is(value))
  if (!kind && ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return String(value)
  throw new DataError({
    where,
    what: `not ${expected}`,
    expected,
    found: kind?.[1] ?? typeof value,
    ...(kind ? { fix: kind[2] } : {}),
  })
}

/**
 * A label without spaces around it, without trailing zeros of a decimal, and with composed letters: `pos ` is `pos`,
 * `1.0` is `1`.
 */
const normalForm = (label: string): string => {
  const trimmed = label.trim().normalize()
  return /^[+-]?\d+\.\d+$/.test(trimmed) ? trimmed.replace(/\.?0+$/, '') : trimmed
}

/** A function that trims labels, and gives their normal form if several labels have the same. */
function labelNormalizer(labels: readonly string[]): (label: string) => string {
  const forms = new Map<string, Set<string>>()
  for (const label of labels) {
    const key = normalForm(label)
    forms.set(key, (forms.get(key) ?? new Set()).add(label.trim()))
  }
  return (label) => {
    const key = normalForm(label)
    return (forms.get(key)?.size ?? 0) > 1 ? key : label.trim()
  }
}

/** Compares labels as numbers if all are numbers, else by character. */
function labelOrder(labels: readonly string[]): (a: string, b: string) => number {
  const numbers = labels.every((label) => label.trim() !== '' && Number.isFinite(Number(label)))
  const byCharacter = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return numbers ? (a, b) => Number(a) - Number(b) || byCharacter(a, b) : byCharacter
}

function uniqueClasses(classes: readonly string[]): string[] {
  const seen = new Set<string>()
  const duplicate = classes.find((name) => seen.size === seen.add(name).size)
  if (duplicate !== undefined)
    throw new DataError({
      where: 'option classes',
      what: 'a class is named twice',
      expected: 'each class once',
      found: JSON.stringify(duplicate),
    })
  return [...classes]
}

const shortList = (names: readonly string[]): string =>
  `${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`
