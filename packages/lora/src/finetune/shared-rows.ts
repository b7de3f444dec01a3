// The warning of rows of validation that are in train too. Loaded for it.

import { sharedRows } from '@cola/data'
import type { RowsOfRun } from './row-warnings.ts'

/** @param places Of the validation rows that the model reads as one of train, from 0. */
export const sharedOfRun = (places: readonly number[], { rows, given }: RowsOfRun): string =>
  sharedRows(places, { name: 'validation', rows: rows.validation, given, among: 'train rows' })
