// What the logits of a classifier mean: transformers' `problem_type`, read as its text-classification pipeline does.

import { argMax, type LabelsOfText, type ModelConfig, oneLabel, severalLabels } from '@cola/data'
import { checkValue, oneOf } from '@cola/graph/options'

/** transformers' `problem_type` of a classifier. */
type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression'

/** The answer of a classifier for one text. */
export interface Classification extends LabelsOfText<string> {
  /** Name of the greatest logit: the most probable class; that of the only output, for regression. */
  label: string
  /** The probability of `label`; for regression the number, as in transformers' pipelines. */
  score: number
  /** The class alone; of several labels all whose probability is at least one half; none for regression. */
  labels: readonly string[]
  /**
   * Probability of every class, in order. They sum to 1, unless config.json's `problem_type` says that a text has
   * several labels, or there is one class; none for regression.
   */
  probabilities: number[]
  /** The number, where config.json's `problem_type` is regression. */
  value?: number
}

/** Reads the logits of a text. @param names Those of the classes, in order. */
export type ReadLogits = (logits: readonly number[], names: readonly string[]) => Classification

const readers: { readonly [P in ProblemType]: ReadLogits } = {
  single_label_classification: oneLabel,
  multi_label_classification: severalLabels,
  regression(logits, names) {
    const index = argMax(logits)
    const value = logits[0] as number
    return { label: names[index] as string, index, score: value, labels: [], probabilities: [], value }
  },
}

const problemType = oneOf(Object.keys(readers))

/**
 * How a classifier's logits are read. Without `problem_type`, one class has a probability of its own, several exclude
 * each other.
 * @param where config.json, for messages.
 * @throws {ConfigError} for a problem_type that is not known.
 */
export function readerOfLogits({ problem_type }: ModelConfig, classes: number, where: string): ReadLogits {
  if (problem_type === undefined || problem_type === null)
    return readers[classes === 1 ? 'multi_label_classification' : 'single_label_classification']
  checkValue(`${where}, field "problem_type"`, problem_type, problemType)
  return readers[problem_type as ProblemType]
}
