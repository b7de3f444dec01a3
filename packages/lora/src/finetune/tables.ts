// Tables of texts with classes, in place of rows.

import type { TaskType, TaskTypes } from '../tasks/task.ts'
import type { FineTuneOptions } from './options.ts'

/** Rows alone. */
export type Rows<T extends TaskType> = readonly TaskTypes[T]['row'][]

/** Options with rows in place of tables. */
export type OptionsWithRows<T extends TaskType> = FineTuneOptions<T> & {
  readonly train: Rows<T>
  readonly validation?: number | Rows<T>
}

/** Whether a value is a table. */
export const isTable = <T extends TaskType>(value: unknown): value is TaskTypes[T]['table'] =>
  Array.isArray((value as { rows?: unknown } | null | undefined)?.rows)
