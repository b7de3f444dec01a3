// Rows through a model, in batches, without training: their loss, and what the model says of each.

import { FeedError } from '../errors.ts'
import type { Batch } from '../session/feeds.ts'
import { addMeans, meanOf, type TermSum } from '../session/means.ts'
import type { StepResult } from '../session/result.ts'
import type { RowPredictor } from './options.ts'
import { byLength } from './order.ts'

export interface EvaluateOptions<Row, Prediction> {
  /** Turns rows into the model's inputs. */
  collate: (rows: readonly Row[]) => Batch
  /** @default nothing is predicted */
  predict?: RowPredictor<Row, Prediction> | undefined
  /** Length of a row: rows of like length share a batch. @default batches in the order given */
  tokens?: ((row: Row) => number) | undefined
  /** @default 8 */
  batch_size?: number
}

export interface EvaluatedRows<Prediction> {
  /** Mean over all rows, or over all labels, whatever the batch size. */
  loss: number
  /** One a row, in the order of the rows; none without `predict`. */
  predictions: Prediction[]
}

/**
 * Evaluates rows.
 * @throws {FeedError} for no rows, for a batch that does not fit the model, and for predictions that are not one a row.
 */
export async function evaluateRows<Row, Prediction>(
  session: { runEvalStep: (batch: Batch) => Promise<StepResult> },
  rows: readonly Row[],
  { collate, predict, tokens, batch_size = 8 }: EvaluateOptions<Row, Prediction>,
): Promise<EvaluatedRows<Prediction>> {
  if (rows.length === 0)
    throw new FeedError({
      where: 'evaluate',
      what: 'there is nothing to evaluate',
      expected: 'at least one row',
      found: '0',
    })
  const places = rows.map((_, i) => i)
  const order = tokens ? byLength(places, (place) => tokens(rows[place] as Row)) : places
  const predictions = new Array<Prediction>(predict ? rows.length : 0)
  let terms: readonly TermSum[] = []
  for (let at = 0; at < rows.length; at += batch_size) {
    const part = order.slice(at, at + batch_size)
    const batch = part.map((place) => rows[place] as Row)
    const result = await session.runEvalStep(collate(batch))
    terms = addMeans(terms, result.terms)
    if (predict)
      onePerRow(predict(result.outputs, batch), batch.length).forEach((prediction, i) => {
        predictions[part[i] as number] = prediction
      })
  }
  return { loss: meanOf(terms), predictions }
}

/** @throws {FeedError} for predictions that are not one a row. */
export function onePerRow<Prediction>(predictions: readonly Prediction[], rows: number): readonly Prediction[] {
  if (predictions.length === rows) return predictions
  throw new FeedError({
    where: 'option predict',
    what: 'not one prediction a row',
    expected: String(rows),
    found: String(predictions.length),
  })
}
