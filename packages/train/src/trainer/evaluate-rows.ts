// Evaluates rows in batches: their mean loss and a prediction of each.

import { requireKind } from '@cola/graph/door'
import { FeedError } from '../errors.ts'
import { callable, type Checks, checkOptions, show, whole } from '@cola/graph/options'
import type { Batch } from '../session/feeds.ts'
import { addMeans, meanOf, type TermSum } from '../session/loss-means.ts'
import type { StepResult } from '../session/step-result.ts'
import type { RowPredictor } from './trainer-options.ts'
import { byLength } from './epoch-order.ts'

/** Options of {@link evaluateRows}. */
export interface EvaluateOptions<Row, Prediction> {
  /** Turns rows into the model's inputs. */
  collate: (rows: readonly Row[]) => Batch
  /** Computes predictions from the model's outputs. @default no predictions */
  predict?: RowPredictor<Row, Prediction> | undefined
  /** Length of a row in tokens: rows of similar length share a batch. @default batches in the order of the rows */
  tokens?: ((row: Row) => number) | undefined
  /** @default 8 */
  batch_size?: number
}

/** The loss and the predictions of evaluated rows. */
export interface EvaluatedRows<Prediction> {
  /** Mean over all rows, or over all labels; independent of the batch size. */
  loss: number
  /** One per row, in the order of the rows; empty without `predict`. */
  predictions: Prediction[]
}

const checks: Checks<EvaluateOptions<never, never>> = {
  collate: callable,
  predict: callable,
  tokens: callable,
  batch_size: whole(1),
}

/**
 * Evaluates rows.
 * @throws {ConfigError} for an option that is unknown or not what it should be.
 * @throws {FeedError} for no rows, a batch that does not fit the model, or predictions that are not one per row.
 */
export async function evaluateRows<Row, Prediction>(
  session: { runEvalStep: (batch: Batch) => Promise<StepResult> },
  rows: readonly Row[],
  options: EvaluateOptions<Row, Prediction>,
): Promise<EvaluatedRows<Prediction>> {
  checkOptions('evaluateRows', options, checks)
  requireKind('evaluateRows, session', session, 'object')
  const { collate, predict, tokens, batch_size = 8 } = options
  if (rows.length === 0)
    throw new FeedError({
      where: 'evaluate',
      what: 'there is nothing to evaluate',
      expected: 'at least one row',
      found: '0',
    })
  const indices = rows.map((_, i) => i)
  const order = tokens ? byLength(indices, (i) => tokens(rows[i] as Row)) : indices
  const predictions = new Array<Prediction>(predict ? rows.length : 0)
  let terms: readonly TermSum[] = []
  for (let at = 0; at < rows.length; at += batch_size) {
    const batchIndices = order.slice(at, at + batch_size)
    const batch = batchIndices.map((i) => rows[i] as Row)
    const result = await session.runEvalStep(collate(batch))
    terms = addMeans(terms, result.terms)
    if (predict)
      onePerRow(predict(result.outputs, batch), batch.length).forEach((prediction, i) => {
        predictions[batchIndices[i] as number] = prediction
      })
  }
  return { loss: meanOf(terms), predictions }
}

/** @throws {FeedError} for predictions that are not one per row. */
export function onePerRow<Prediction>(predictions: readonly Prediction[], rows: number): readonly Prediction[] {
  if (predictions?.length === rows) return predictions
  throw new FeedError({
    where: 'option predict',
    what: 'not one prediction per row',
    expected: String(rows),
    found: show(predictions?.length ?? predictions),
  })
}
