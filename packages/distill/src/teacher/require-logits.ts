// A teacher's logits, checked before a student learns from them.

import { FeedError } from '@cola/train'
import { badRow } from '../losses/bad-row.ts'

/** @throws {FeedError} for values that are not `rows` rows, and for the first row with a value that no loss can use. */
export function requireLogits(
  values: Float32Array,
  { where, rows, masks = true }: { where: string; rows: number; masks?: boolean },
): void {
  const width = values.length / rows
  if (rows > 0 && (!Number.isInteger(width) || width < 1))
    throw new FeedError({
      where,
      what: 'not one row a text',
      expected: `a multiple of ${rows} values`,
      found: String(values.length),
    })
  const bad = badRow(values, width, masks)
  if (bad)
    throw new FeedError({
      where: `${where}, row ${bad.row + 1}`,
      ...bad.problem,
      fix: 'Did the teacher overflow, in float16 perhaps? Make its logits anew, or leave the row out.',
    })
}
