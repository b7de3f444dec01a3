// All rows of a run as examples: training, validation, transfer and held-out.

import { cutTexts, divideRows } from '@cola/data'
import { type EncodeContext, type EncodedRows, encodeLabelled, encodeUnlabelled } from './encode-rows.ts'
import type { DistillExample, DistillRow, ReadOptions } from './options.ts'

export interface ExamplesOfRun {
  /** Labelled examples, then unlabelled ones. */
  train: readonly DistillExample[]
  /** Where the labelled ones stood among the rows that were given. */
  places: readonly number[]
  evaluation: readonly DistillExample[]
  /** The rows of `evaluation`. */
  judged: readonly DistillRow[]
  heldOut: ReadonlyMap<string, readonly DistillExample[]>
  /** Tokens of all of them. */
  sentences: readonly (readonly number[])[]
}

/**
 * Encodes all rows.
 * @param onWarning Told of parts of which examples were cut.
 * @throws {DataError} naming the part, the row and the field.
 */
export function examplesOfRun(
  { train, validation, transfer, heldOut, loop }: ReadOptions,
  context: EncodeContext,
  onWarning: (message: string) => void,
): ExamplesOfRun {
  const encoded = (rows: ReadOptions['train'], where: string) => report(encodeLabelled(rows, where, context), where)
  const report = ({ examples, truncated }: EncodedRows, where: string): DistillExample[] => {
    for (const message of cutTexts(examples, truncated, `${where} rows`, context.max_length)) onWarning(message)
    return examples
  }
  const all = train.length ? encoded(train, 'train') : []
  const placed = all.map(({ label }, place) => ({ label, place }))
  const divided = typeof validation === 'number' ? divideRows(placed, validation, loop.seed) : undefined
  const places = (divided?.train ?? placed).map(({ place }) => place)
  const at = (chosen: readonly number[]) => chosen.map((place) => all[place] as DistillExample)
  const given = Array.isArray(validation) ? validation : []
  const apart = divided?.validation.map(({ place }) => place)
  const evaluation = apart ? at(apart) : given.length ? encoded(given, 'validation') : []
  const unlabelled = report(encodeUnlabelled(transfer, 'transfer', context), 'transfer')
  const others = new Map(Object.entries(heldOut).map(([name, rows]) => [name, encoded(rows, `heldOut.${name}`)]))
  const examples = [all, evaluation, unlabelled, ...others.values()].flat()
  return {
    train: [...at(places), ...unlabelled],
    places,
    evaluation,
    judged: apart?.map((place) => train[place] as DistillRow) ?? given,
    heldOut: others,
    sentences: examples.map(({ input_ids }) => input_ids),
  }
}
