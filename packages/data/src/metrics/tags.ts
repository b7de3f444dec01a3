// Scores of words that have a tag of their own, such as parts of speech, with scikit-learn's definitions.

import { type Average, averages, type Score } from './classification.ts'
import { checkLengths, checkWarning, countClasses, ratio, type ScoreOptions } from './counts.ts'
import { checkRow, type TagRows } from './entities.ts'

/** Scores 0 to 1 over all words; averages over the tags that occur or are predicted. */
export interface TagMetrics extends Record<string, number> {
  /** Share of words with the right tag. */
  accuracy: number
  precision_macro: number
  recall_macro: number
  f1_macro: number
  precision_weighted: number
  recall_weighted: number
  f1_weighted: number
}

/**
 * Accuracy, and precision, recall and F1 as macro and weighted average over tags; scikit-learn's
 * `precision_recall_fscore_support` over the words of all rows. An empty tag among the predictions is none: its word
 * counts as missed. Undefined scores are 0, and `onWarning` is called.
 * @throws {DataError} naming the row: rows of different length.
 */
export function tagMetrics(
  predictions: TagRows,
  labels: TagRows,
  options: Pick<ScoreOptions, 'onWarning'> = {},
): TagMetrics {
  checkWarning('tagMetrics', options)
  checkLengths(predictions, labels)
  labels.forEach((row, i) => {
    checkRow(predictions[i] as readonly string[], row, i)
  })
  const [right, predicted] = [labels.flat(), predictions.flat()]
  const names = [...new Set([...right, ...predicted])].sort()
  const ids = new Map(names.map((name, id) => [name, id]))
  const idsOf = (tags: readonly string[]) => tags.map((tag) => ids.get(tag) as number)
  const all = countClasses(idsOf(predicted), idsOf(right))
  const counts = { ...all, present: all.present.filter((id) => names[id] !== '') }
  const of = (average: Average, given: ScoreOptions) => (score: Score) => averages[average](score, counts, given)
  // Both averages are over the same tags, which are told of once.
  const [macro, weighted] = [of('macro', { ...options, target_names: names }), of('weighted', {})]
  return {
    accuracy: ratio(all.right, all.rows, () => options.onWarning?.('accuracy is not defined for no words: it is 0')),
    precision_macro: macro('precision'),
    recall_macro: macro('recall'),
    f1_macro: macro('f1'),
    precision_weighted: weighted('precision'),
    recall_weighted: weighted('recall'),
    f1_weighted: weighted('f1'),
  }
}
