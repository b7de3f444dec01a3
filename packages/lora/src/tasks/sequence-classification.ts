// SEQ_CLS: a class, several labels or a number for a text or a pair of texts. transformers' `problem_type`.

import {
  argMax,
  classificationMetrics,
  classIndex,
  DataError,
  describeValue,
  distinctLabels,
  encodeTexts,
  isLabel,
  type Label,
  multiLabelMetrics,
  regressionMetrics,
  requireLabel,
  requireLabels,
  requireField,
  requireList,
  requireText,
  rowPlace,
} from '@cola/data'
import type { Loss } from '@cola/graph'
import { type Batch, binaryCrossEntropy, crossEntropy, meanSquaredError, type Metrics } from '@cola/train'
import { type Check, list, oneOf, share } from '@cola/train/options'
import type { Pooling } from '../inject/head.ts'
import { withHead } from './head.ts'
import { architecture, labelNames } from './architecture.ts'
import { softmax } from './softmax.ts'
import type { EncodeContext, Encoded, ScoreContext, Task } from './task.ts'

export type ProblemType = 'single_label_classification' | 'multi_label_classification' | 'regression'

/** A text, or a pair of texts, with its class, its classes, or its number. */
export interface SequenceClassificationRow {
  text: string
  text_pair?: string
  label: Label | readonly Label[]
}

export interface SequenceClassificationOptions {
  /** @default 'multi_label_classification' where a label is an array, else 'single_label_classification' */
  problem_type?: ProblemType
  /** Classes in order. @default those that occur in the training rows, sorted */
  labels?: readonly Label[]
  /** Where a text is read. @default 'last' for models that read from left to right, 'mean' for others */
  pooling?: Pooling
  /** Label smoothing: probability that is distributed over all classes; single label only. @default 0 */
  label_smoothing?: number
}

export interface SequenceClassificationSettings {
  problem_type: ProblemType
  /** Empty for regression. */
  labels: readonly Label[]
  pooling: Pooling
  label_smoothing: number
}

export interface SequenceClassificationExample {
  input_ids: readonly number[]
  token_type_ids?: readonly number[]
  /** Index of the class; 0 or 1 for each class; or the number. Undefined for a text to be classified. */
  target?: readonly number[]
}

/** The prediction for a text. */
export interface Classification {
  /** The most probable class; undefined for regression. */
  label: Label | undefined
  /** Its index; -1 for regression. */
  index: number
  /** The class alone, or with several labels all whose probability is at least one half. */
  labels: readonly Label[]
  /** Of each class in order; they sum to 1 where there is one label. */
  probabilities: readonly number[]
  /** The number, for regression. */
  value?: number
}

type TextOrPair = string | { text: string; text_pair?: string }

export interface SequenceClassifier {
  /** Names of the classes in order. */
  readonly labels: readonly Label[]
  /**
   * Classifies texts, or pairs of texts, in batches.
   * @throws {DataError} for a text that is empty or no string.
   */
  readonly classify: (texts: readonly TextOrPair[]) => Promise<Classification[]>
  /**
   * Logits, [texts, classes] in row-major order; [texts, 1] for regression.
   * @throws {DataError} for a text that is empty or no string.
   */
  readonly logits: (texts: readonly TextOrPair[]) => Promise<Float32Array>
}

export interface SequenceClassificationTypes {
  row: SequenceClassificationRow
  options: SequenceClassificationOptions
  settings: SequenceClassificationSettings
  example: SequenceClassificationExample
  prediction: readonly number[]
  serving: SequenceClassifier
}

type Types = SequenceClassificationTypes

/** What to do about a label that is not a class: classes are those of the training rows, or those that are named. */
const unknownLabelFix = (where: string): string =>
  where.startsWith('train')
    ? 'Name it with the option labels too, or leave that option out.'
    : 'The training rows have no such label: add some, or name all classes with the option labels.'
const labelArrayFix = "Several labels a text need problem_type: 'multi_label_classification'."

const metricOf: Readonly<Record<ProblemType, string>> = {
  single_label_classification: 'mcc',
  multi_label_classification: 'f1_micro',
  regression: 'pearson',
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** What differs between the problem types. */
interface ProblemTypeRow {
  /** Classes that rows have. */
  classes: (rows: readonly SequenceClassificationRow[], where: string) => Label[]
  /** The target of one example. @throws {DataError} naming the row. */
  target: (label: unknown, classes: readonly Label[], where: string) => readonly number[]
  loss: (settings: SequenceClassificationSettings) => Loss
  scores: (
    logits: readonly (readonly number[])[],
    targets: readonly (readonly number[])[],
    options: { classes: number } & Pick<ScoreContext, 'onWarning'>,
  ) => Metrics
  classification: (logits: readonly number[], classes: readonly Label[]) => Classification
}

const problemTypes: { readonly [P in ProblemType]: ProblemTypeRow } = {
  single_label_classification: {
    classes: (rows, where) =>
      distinctLabels(
        rows.map(({ label }, i) => requireLabel(label, rowPlace(where, i), labelArrayFix)),
        where,
      ),
    target: (label, classes, where) => [classIndex(classes, label, where, unknownLabelFix(where))],
    loss: ({ label_smoothing }) => crossEntropy({ label_smoothing }),
    scores: (logits, targets, options) => {
      const predictions = logits.map(argMax)
      warnOfCollapse(predictions, options)
      return classificationMetrics(predictions, targets.map(first), options)
    },
    classification: (logits, classes) => {
      const index = argMax(logits)
      const label = classes[index] as Label
      return { label, index, labels: [label], probabilities: softmax(logits) }
    },
  },
  multi_label_classification: {
    classes: (rows, where) =>
      distinctLabels(
        rows.flatMap(({ label }, i) => requireLabels(label, rowPlace(where, i))),
        where,
      ),
    target: (label, classes, where) => {
      const indices = requireLabels(label, where).map((one) => classIndex(classes, one, where, unknownLabelFix(where)))
      return classes.map((_, i) => (indices.includes(i) ? 1 : 0))
    },
    loss: () => binaryCrossEntropy(),
    scores: (logits, targets, { onWarning }) => {
      const predictions = logits.map((row) => row.map((logit) => (logit >= 0 ? 1 : 0)))
      return multiLabelMetrics(predictions, targets, { onWarning })
    },
    classification: (logits, classes) => {
      const probabilities = logits.map(sigmoid)
      const index = argMax(logits)
      const labels = classes.filter((_, i) => (probabilities[i] as number) >= 0.5)
      return { label: classes[index], index, labels, probabilities }
    },
  },
  regression: {
    classes: () => [],
    target: (label, _, where) => [requireNumber(label, where)],
    loss: () => meanSquaredError(),
    scores: (logits, targets, { onWarning }) => regressionMetrics(logits.map(first), targets.map(first), { onWarning }),
    classification: ([value = Number.NaN]) => ({ label: undefined, index: -1, labels: [], probabilities: [], value }),
  },
}

const first = ([value]: readonly number[]): number => value as number

/** A warning where the model predicts the same class for every row: training has probably diverged. */
function warnOfCollapse(predictions: readonly number[], { onWarning }: Pick<ScoreContext, 'onWarning'>): void {
  if (predictions.length < 10 || new Set(predictions).size > 1) return
  const advice = 'try a lower learning rate or a longer warm-up'
  onWarning(
    `all ${predictions.length} rows are predicted as class ${predictions[0]}: the classifier has collapsed; ${advice}`,
  )
}

const outputCount = ({ problem_type, labels }: SequenceClassificationSettings): number =>
  problem_type === 'regression' ? 1 : labels.length

/** The option labels. */
const classList: Check = [
  'an array of different names: all strings, all numbers or all booleans',
  (value) =>
    Array.isArray(value) &&
    value.every((name) => isLabel(name) && typeof name === typeof value[0]) &&
    new Set(value).size === value.length,
]

/** @throws {DataError} naming the row, for a label that is no finite number. */
function requireNumber(label: unknown, where: string): number {
  if (typeof label === 'number' && Number.isFinite(label)) return label
  throw new DataError({
    where: `${where}, field "label"`,
    what: 'not a number',
    expected: 'a finite number, for regression',
    found: describeValue(label),
  })
}

/** @throws {DataError} naming the first row without a label. */
function requireLabelled(rows: readonly object[], where: string): void {
  for (const [i, row] of rows.entries()) requireField(row, 'label', rowPlace(where, i))
}

/** Texts, or pairs of texts, as token ids, without targets. @throws {DataError} naming the row and the field. */
function encodeInputs(
  rows: readonly Exclude<TextOrPair, string>[],
  { base, maxLength, where }: EncodeContext & { where: string },
): Encoded<SequenceClassificationExample> {
  const texts = rows.map((row, i) => {
    const place = rowPlace(where, i)
    const text = requireText(row, 'text', place)
    return row.text_pair === undefined ? { text } : { text, text_pair: requireText(row, 'text_pair', place) }
  })
  const options = { max_length: maxLength, vocab_size: base.vocabularySize }
  const { rows: examples, truncated } = encodeTexts(base.tokenizer, texts, options)
  return { examples, truncated }
}

export const sequenceClassification: Task<Types> = {
  taskType: 'SEQ_CLS',
  options: {
    problem_type: oneOf(Object.keys(problemTypes)),
    labels: classList,
    pooling: oneOf(['last', 'first', 'mean'] satisfies Pooling[]),
    label_smoothing: share,
  },
  saved: {
    problem_type: oneOf(Object.keys(problemTypes)),
    labels: list,
    pooling: oneOf(['last', 'first', 'mean'] satisfies Pooling[]),
    label_smoothing: share,
  },
  settings(rows, options, base) {
    requireLabelled(rows, 'train')
    const several = rows.some(({ label }) => Array.isArray(label))
    const problem_type =
      options.problem_type ?? (several ? 'multi_label_classification' : 'single_label_classification')
    const labels = [...(options.labels ?? problemTypes[problem_type].classes(rows, 'train'))]
    if (labels.length < 2 && problem_type !== 'regression')
      throw new DataError({
        where: 'train, field "label"',
        what: 'too few classes to tell apart',
        expected: 'at least two',
        found: labels.map(describeValue).join(', ') || 'none',
      })
    const pooling = options.pooling ?? (base.causal ? 'last' : 'mean')
    return { problem_type, labels, pooling, label_smoothing: options.label_smoothing ?? 0 }
  },
  head(base, settings, seed) {
    return withHead(base.hiddenStates(), {
      num_labels: outputCount(settings),
      pooling: settings.pooling,
      name: base.causal ? 'score' : 'classifier',
      bias: !base.causal,
      ...(settings.labels.length ? { labels: settings.labels.map(String) } : {}),
      seed,
    })
  },
  config({ problem_type, labels }, base) {
    return {
      ...architecture(base.config, 'ForSequenceClassification'),
      problem_type,
      ...labelNames(labels.length ? labels.map(String) : ['LABEL_0']),
    }
  },
  encode(rows, { problem_type, labels }, context) {
    const { where } = context
    const { examples, truncated } = encodeInputs(rows, context)
    requireLabelled(rows, where)
    const { target } = problemTypes[problem_type]
    return {
      examples: examples.map((ids, i) => ({
        ...ids,
        target: target((rows[i] as Types['row']).label, labels, rowPlace(where, i)),
      })),
      truncated,
    }
  },
  collate(base, { graph }, settings) {
    const batches = base.batches(graph)
    const width = outputCount(settings)
    return (examples) => ({ ...batches(examples).batch, labels: targetsOf(examples, settings, width) })
  },
  loss: (settings) => problemTypes[settings.problem_type].loss(settings),
  predict: ({ logits }, examples, settings) => {
    const width = outputCount(settings)
    const data = logits?.data ?? new Float32Array()
    return examples.map((_, i) => Array.from(data.subarray(i * width, (i + 1) * width)))
  },
  scores(predictions, examples, { problem_type, labels }, { onWarning }) {
    const scored = examples.flatMap(({ target }, i) =>
      target ? [[predictions[i] as readonly number[], target] as const] : [],
    )
    const [logits, targets] = [scored.map(([one]) => one), scored.map(([, target]) => target)]
    return problemTypes[problem_type].scores(logits, targets, { classes: labels.length, onWarning })
  },
  metricForBestModel: ({ problem_type }) => metricOf[problem_type],
  scoresTraining: true,
  serve(predict, settings, context) {
    const { problem_type, labels } = settings
    const logitsOf = async (texts: readonly TextOrPair[]) => {
      requireList(texts, 'texts')
      const rows = texts.map((text) => (typeof text === 'string' ? { text } : text))
      return predict(encodeInputs(rows, { ...context, where: 'texts' }).examples)
    }
    return {
      labels,
      classify: async (texts) =>
        (await logitsOf(texts)).map((row) => problemTypes[problem_type].classification(row, labels)),
      logits: async (texts) => Float32Array.from((await logitsOf(texts)).flat()),
    }
  },
}

/**
 * Labels in the form of the loss: int32 [batch] classes, or float32 [batch, outputs]; what has no target is ignored or
 * 0.
 */
function targetsOf(
  examples: readonly SequenceClassificationExample[],
  { problem_type }: SequenceClassificationSettings,
  width: number,
): Batch[string] {
  if (problem_type === 'single_label_classification')
    return { data: Int32Array.from(examples, ({ target }) => target?.[0] ?? -100), dims: [examples.length] }
  const nothing = new Array<number>(width).fill(0)
  return {
    data: Float32Array.from(examples.flatMap(({ target }) => target ?? nothing)),
    dims: [examples.length, width],
  }
}
