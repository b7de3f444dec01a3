// Class labels of a batch.

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import { ignoreIndex } from './ignore-index.ts'

/**
 * Labels of a batch, int32 [rows].
 * @throws {DataError} naming the row of a label that is neither a whole number of at least 0 nor -100.
 */
export function classLabels(labels: readonly number[]): { data: Int32Array; dims: readonly number[] } {
  requireKind('classLabels, labels', labels, 'list')
  const at = labels.findIndex((label) => label !== ignoreIndex && !(Number.isInteger(label) && label >= 0))
  if (at >= 0)
    throw new DataError({
      where: `row ${at + 1} of the batch, field "label"`,
      what: 'not a class',
      expected: `a whole number from 0, or ${ignoreIndex} for none`,
      found: describeValue(labels[at]),
    })
  return { data: Int32Array.from(labels), dims: [labels.length] }
}
