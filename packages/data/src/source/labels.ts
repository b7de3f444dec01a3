// From records to labelled texts: which classes there are, and what is no text and no label.

import { DataError } from '../errors.ts'
import type { LabelledText } from './cola.ts'

export interface LabelOptions {
  /** Column, or field, of the text. @default 'text' */
  text?: string
  /** Column, or field, of the label: text, a number or a boolean. @default 'label' */
  label?: string
  /** Classes in order. @default those that occur, sorted; numbers by size */
  classes?: readonly string[]
  /** Told of labels that are taken as one, and of text that was not decoded well. @default nobody is told */
  onWarning?: (message: string) => void
}

export interface LabelledTable {
  rows: LabelledText[]
  /** Name of each class, by label. */
  classes: string[]
}

/** A text and a label as they stand in the file. */
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
 */
export function labelledTable(records: readonly object[], options: LabelOptions = {}, where = 'rows'): LabelledTable {
  checkLabelOptions(options)
  const { text = 'text', label = 'label' } = options
  const rows = records.map((record, i) => {
    const values = record as Readonly<Record<string, unknown>>
    return { place: `row ${i + 1}`, text: values[text], label: values[label] }
  })
  return labelled(rows, options, where)
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== ''

/** @throws {DataError} naming the option: a column without a name, classes that are no list of names. */
export function checkLabelOptions({ text, label, classes }: LabelOptions): void {
  for (const [name, value] of Object.entries({ text, label }))
    if (value !== undefined && !isText(value)) refuseOption(name, "a column's name", value)
  if (classes !== undefined && !(Array.isArray(classes) && classes.every(isText)))
    refuseOption('classes', 'an array of strings that are not empty', classes)
}

function refuseOption(name: string, expected: string, value: unknown): never {
  const found = JSON.stringify(value) ?? String(value)
  throw new DataError({ where: `option ${name}`, what: 'not a valid value', expected, found: found.slice(0, 60) })
}

/** As {@link labelledTable}, for rows that know their place in the file. */
export function labelled(rows: readonly RawRow[], options: LabelOptions, where: string): LabelledTable {
  const { text = 'text', label = 'label', classes, onWarning } = options
  if (rows.length === 0)
    throw new DataError({ where, what: 'the dataset is empty', expected: 'at least one row', found: '0' })
  const at = ({ place }: RawRow, field: string) => `${where}, ${place}, column "${field}"`
  const texts = rows.map((row) => scalar(row.text, at(row, text), 'text'))
  const written = rows.map((row) => {
    scalar(typeof row.label === 'string' ? row.label.trim() : row.label, at(row, label), 'a class')
    return String(row.label)
  })
  const one = sameLabels([...new Set([...written, ...(classes ?? [])])])
  const names = classes
    ? uniqueClasses(classes.map((name) => one(name)))
    : [...new Set(written.map((name) => one(name)))].sort(inOrder(written))
  const ids = new Map(names.map((name, id) => [name, id]))
  warnOfMerges(rows, written, one, onWarning)
  return {
    classes: names,
    rows: rows.map((row, i) => {
      const id = ids.get(one(written[i] as string))
      if (id === undefined)
        throw new DataError({
          where: at(row, label),
          what: 'a label that is no class',
          expected: shortList(names),
          found: JSON.stringify(written[i]),
        })
      return { text: texts[i] as string, label: id }
    }),
  }
}

const kinds: readonly (readonly [is: (value: unknown) => boolean, name: string, fix: string])[] = [
  [(value) => value === undefined, 'nothing', 'Name the columns of text and label, or leave the row out.'],
  [(value) => value === null, 'null', 'Leave the row out.'],
  [(value) => value === '', 'an empty field', 'Leave the row out.'],
  [Array.isArray, 'a list', 'Give each row one text and one label.'],
  [(value) => typeof value === 'object', 'an object', 'Name a field that holds text.'],
  [(value) => typeof value === 'number' && !Number.isFinite(value), 'no finite number', 'Leave the row out.'],
]

/** A cell as text. @throws {DataError} for what is neither text, number nor boolean. */
function scalar(value: unknown, where: string, expected: string): string {
  const kind = kinds.find(([is]) => is(value))
  if (!kind && ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return String(value)
  throw new DataError({
    where,
    what: `not ${expected}`,
    expected,
    found: kind?.[1] ?? typeof value,
    ...(kind ? { fix: kind[2] } : {}),
  })
}

/** What a label says, spaces and trailing zeros of a decimal apart: `pos ` is `pos`, `1.0` is `1`. */
const normal = (label: string): string => {
  const trimmed = label.trim()
  return /^[+-]?\d+\.\d+$/.test(trimmed) ? trimmed.replace(/\.?0+$/, '') : trimmed
}

/** Labels without spaces around them; and in their normal form where that makes two of them one. */
function sameLabels(labels: readonly string[]): (label: string) => string {
  const forms = new Map<string, Set<string>>()
  for (const label of labels) {
    const key = normal(label)
    forms.set(key, (forms.get(key) ?? new Set()).add(label.trim()))
  }
  return (label) => {
    const key = normal(label)
    return (forms.get(key)?.size ?? 0) > 1 ? key : label.trim()
  }
}

function warnOfMerges(
  rows: readonly RawRow[],
  written: readonly string[],
  one: (label: string) => string,
  onWarning: LabelOptions['onWarning'],
): void {
  if (!onWarning) return
  const spellings = new Map<string, Map<string, string>>()
  written.forEach((label, i) => {
    const of = spellings.get(one(label)) ?? new Map<string, string>()
    if (!of.has(label)) spellings.set(one(label), of.set(label, (rows[i] as RawRow).place))
  })
  for (const [name, of] of spellings) {
    const listed = [...of].map(([label, place]) => `${JSON.stringify(label)} (${place})`)
    if (of.size > 1) onWarning(`labels taken as class "${name}": ${listed.join(', ')}`)
  }
}

/** By size where all labels are numbers, else by character. */
function inOrder(labels: readonly string[]): (a: string, b: string) => number {
  const numbers = labels.every((label) => label.trim() !== '' && Number.isFinite(Number(label)))
  const byCharacter = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return numbers ? (a, b) => Number(a) - Number(b) || byCharacter(a, b) : byCharacter
}

function uniqueClasses(classes: readonly string[]): string[] {
  const twice = classes.find((name, i) => classes.indexOf(name) !== i)
  if (twice !== undefined)
    throw new DataError({
      where: 'option classes',
      what: 'a class is named twice',
      expected: 'each class once',
      found: JSON.stringify(twice),
    })
  return [...classes]
}

const shortList = (names: readonly string[]): string =>
  `${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`
