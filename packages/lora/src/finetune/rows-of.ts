// Rows, of tables too, which are read by a part of their own in bundles.

import type { RowsOf, TaskType, TaskTypes } from '../tasks/task.ts'
import type { FineTuneOptions } from './options.ts'
import { isTable, type OptionsWithRows, type Rows } from './tables.ts'

const fromTables = () => import('./from-tables.ts')

/** Rows, whose labels are names of classes. @throws {DataError} naming the row of a label that is none of a table. */
export const rowsOf = async <T extends TaskType>(given: RowsOf<TaskTypes[T]>): Promise<Rows<T>> =>
  isTable(given) ? (await fromTables()).rowsOfTable<T>(given, 'rows') : (given as Rows<T>)

/** Whether a label is a place among names, or several are. */
const isPlace = (row: { label?: unknown } | null): boolean => [row?.label].flat().some(Number.isInteger)

/**
 * Options with rows in place of tables, and with names in place of whole numbers where the option labels has names.
 * @throws {DataError} as {@link rowsOf}; {ConfigError} where the task takes no tables.
 */
export async function withRows<T extends TaskType>(options: FineTuneOptions<T>): Promise<OptionsWithRows<T>> {
  const { train, validation, labels } = options as never as FineTuneOptions
  const hasPlaces = typeof labels?.[0] === 'string' && [train, validation].flat().some((row) => isPlace(row as object))
  return hasPlaces || [train, validation].some(isTable)
    ? (await fromTables()).fromTables(options)
    : (options as OptionsWithRows<T>)
}
