// Tables of texts with classes in place of rows, and rows whose labels are places among names. Loaded where there are
// such.

import { type Label, type LabelledTable, namedRows, withClassNames } from '@cola/data'
import { ConfigError } from '../errors.ts'
import { requireShared } from '../tasks/found-classes.ts'
import type { SequenceClassificationRow } from '../tasks/text-rows.ts'
import type { TaskType } from '../tasks/task.ts'
import type { FineTuneOptions } from './options.ts'
import { isTable, type OptionsWithRows, type Rows } from './tables.ts'

/** The rows of a table, with the names of their classes. @throws {DataError} as `namedRows` does. */
export const rowsOfTable = <T extends TaskType>(table: unknown, where: string): Rows<T> =>
  namedRows(table as LabelledTable, where) as Rows<T>

/**
 * Options with rows in place of tables; the classes of `train` are the labels, unless others are named.
 * @throws {ConfigError} for another task; {DataError} naming the row of a label that is none of its table's classes.
 */
export function fromTables<T extends TaskType>(options: FineTuneOptions<T>): OptionsWithRows<T> {
  // A table of another task is refused.
  const ofTexts = options as never as FineTuneOptions
  const { task = 'SEQ_CLS', problem_type } = ofTexts
  const given = [options.train, options.validation].some(isTable)
  if (given && task !== 'SEQ_CLS')
    refuse('is for the task SEQ_CLS', 'readRecords of @cola/data gives rows with all columns of a file.')
  if (given && problem_type === 'regression')
    refuse(
      'has no numbers for a regression',
      'Read it with readRecords, and give rows.map((row) => ({ text: row.text, label: Number(row.label) })).',
    )
  const rows = (['train', 'validation'] as const).map((name) => [name, partOf(ofTexts, name)])
  return { ...options, ...Object.fromEntries(rows), ...labelsOf(ofTexts) } as OptionsWithRows<T>
}

/**
 * The rows of a part, whose labels are names; what is none is left to later checks. Whole numbers beside a table are
 * indices of its classes, where the option labels names no others.
 */
function partOf(options: FineTuneOptions, name: 'train' | 'validation'): FineTuneOptions['validation'] {
  const { [name]: part, train, problem_type } = options
  const labels = options.labels ?? (isTable<'SEQ_CLS'>(train) ? train.classes : [])
  if (isTable(part)) return rowsOfTable<'SEQ_CLS'>(part, name)
  // The labels of a regression are numbers themselves, and options are checked later.
  if (!Array.isArray(part) || !Array.isArray(labels) || problem_type === 'regression') return part
  return withClassNames(part as readonly SequenceClassificationRow[], labels, name)
}

/** The classes of a table as labels, in its order; those of an adapter that training goes on from keep theirs. */
function labelsOf({ train, labels, adapter }: FineTuneOptions): { labels?: readonly Label[] } {
  if (!isTable<'SEQ_CLS'>(train) || labels || adapter !== undefined) return {}
  requireShared(train.rows.map(({ label }) => train.classes[label] as Label))
  return { labels: train.classes }
}

function refuse(what: string, fix: string): never {
  throw new ConfigError({ where: 'fineTune', what: `a table of texts with classes ${what}`, fix })
}
