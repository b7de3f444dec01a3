// The rows that sentence embeddings are trained on, in columns called as in sentence-transformers' data sets.

import { DataError, describeValue, renameFix } from '@cola/data'
import { commaFix } from './decimal-comma.ts'
import { columnsFix } from './other-columns.ts'
import { otherForm, presentIn } from './other-form.ts'

/** A text, and another that is right for it: its paraphrase, answer, document. */
export interface PairRow {
  anchor: string
  positive: string
}

/** A pair, and a text that is like it and wrong: a hard negative. */
export interface TripleRow extends PairRow {
  negative: string
}

/** A pair with several hard negatives, as `mine_hard_negatives` of sentence-transformers calls them. */
export type TupleRow = PairRow & Readonly<Record<`negative_${number}`, string>>

/** Two texts, and how alike they are: the cosine that their embeddings are to have, -1 to 1. */
export interface SimilarityRow {
  sentence1: string
  sentence2: string
  score: number
}

/** Forms of rows: pairs, triples, or pairs with a similarity. */
export type RowForm = 'pairs' | 'triples' | 'similarities'

const textColumns: { readonly [Form in RowForm]: readonly string[] } = {
  pairs: ['anchor', 'positive'],
  triples: ['anchor', 'positive', 'negative'],
  similarities: ['sentence1', 'sentence2'],
}

const columnsOf = (form: RowForm): string[] => [...textColumns[form], ...(form === 'similarities' ? ['score'] : [])]
/** Names of the forms. */
export const rowForms = Object.keys(textColumns) as RowForm[]

const isNegative = (column: string): boolean => /^negative(_?\d+)?$/.test(column)

/** The columns with the texts of a row, in order; of a triple with all its negatives. */
export const textColumnsOf = (row: object, form: RowForm): readonly string[] =>
  form === 'triples' ? [...textColumns.pairs, ...presentIn(row).filter(isNegative)] : textColumns[form]

/** All columns of all forms; others of a table are left alone. */
const known = new Set(rowForms.flatMap(columnsOf))

/** The form whose columns a row has. @throws {DataError} naming the row, where they are those of none. */
export function formOf(row: object, where: string): RowForm {
  const columns = presentIn(row).map((name) => (isNegative(name) ? 'negative' : name))
  const present = new Set(columns.filter((name) => known.has(name)))
  const form = rowForms.find(
    (one) => present.size === columnsOf(one).length && columnsOf(one).every((name) => present.has(name)),
  )
  if (form) return form
  throw new DataError({
    where,
    what: 'columns of no form of rows',
    expected: rowForms.map((one) => columnsOf(one).join(', ')).join('; or '),
    found: presentIn(row).join(', ') || 'no columns',
    fix: columnsFix(row, rowForms.map(columnsOf)) ?? renameFix([...known], presentIn(row)),
  })
}

/** @throws {DataError} naming the row, for one of another form than the table's. */
export function requireForm(row: object, form: RowForm, where: string): void {
  if (formOf(row, where) !== form) throw otherForm(row, columnsOf(form), where, 'Train on a table of one form.')
}

/** @throws {DataError} naming the row, for a similarity that no cosine can be. */
export function requireScore(row: object, where: string): number {
  const { score } = row as { score?: unknown }
  if (typeof score === 'number' && score >= -1 && score <= 1) return score
  throw new DataError({
    where: `${where}, field "score"`,
    what: 'not a similarity',
    expected: 'a number from -1 to 1',
    found: describeValue(score),
    ...fixOf(score),
  })
}

const fixOf = (score: unknown): { fix?: string } => {
  if (typeof score === 'number') return { fix: 'Scale it: grades from 0 to 5 are divided by 5.' }
  return typeof score === 'string' ? { fix: commaFix(score, 'score') ?? 'Make it a number: Number(row.score).' } : {}
}
