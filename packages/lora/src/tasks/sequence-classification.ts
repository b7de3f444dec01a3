// SEQ_CLS: a class, several labels or a number for a text or a pair of texts. transformers' `problem_type`.

import {
  defaultLabels,
  isLabel,
  type Label,
  requireList,
  requireString,
  rowPlace,
  strictMethods,
  ignoreIndex,
} from '@cola/data'
import type { Batch } from '@cola/train'
import { type Check, flag, list, oneOf, optional, share } from '@cola/graph/options'
import { type Pooling, poolings } from '../inject/head.ts'
import { areClear } from './clear-classes.ts'
import { type ClassWeight, classWeight, type ClassWeights } from './class-weight.ts'
import { withHead } from './head.ts'
import { headChecks, type HeadOption, type LayeredHead, layered } from './head-option.ts'
import type { TextStates } from './hidden-states.ts'
import { architecture, labelNames } from '../load/architecture.ts'
import { type Classification, metricOfProblem, type ProblemType, problemTypes } from './problem-types.ts'
import type { Task } from './task.ts'
import {
  type ClassTable,
  encodeTextRows,
  isPair,
  requireLabelled,
  type SequenceClassificationExample,
  type SequenceClassificationRow,
  type TextOrPair,
} from './text-rows.ts'

/** Options of the task SEQ_CLS. */
export interface SequenceClassificationOptions {
  /** @default 'multi_label_classification' where a label is an array, else 'single_label_classification' */
  problem_type?: ProblemType
  /**
   * Classes in order; where they are strings, whole numbers in rows are indices of them.
   * @default those of a table; else those that occur in the training rows, sorted
   */
  labels?: readonly Label[]
  /** Where a text is read. @default 'last' for models that read from left to right, 'mean' for others */
  pooling?: Pooling
  /**
   * `transformers`: the head of transformers' class for the model type of an encoder, such as RoBERTa's two layers, which
   * PEFT reads; it has a `pooling` of its own. @default a linear layer, or the head of the adapter that is opened
   */
  head?: HeadOption
  /** Label smoothing: probability that is distributed over all classes; single label only. @default 0 */
  label_smoothing?: number
  /**
   * Weights of classes in the loss, by label: that of `CrossEntropyLoss(weight)`, whose mean is weighted too; or
   * `balanced`, by the number of their rows in `train`, as in scikit-learn; single label only. @default none
   */
  class_weight?: ClassWeight
  /**
   * Weights of the rows that have a label, by label: those of `BCEWithLogitsLoss(pos_weight)`; or `balanced`: rows of
   * `train` without the label by rows with it; several labels only. A label without one has 1. @default none
   */
  pos_weight?: ClassWeight
}

/** What the task SEQ_CLS found from rows and options, saved with the adapter. */
export interface SequenceClassificationSettings {
  problem_type: ProblemType
  /** Empty for regression. */
  labels: readonly Label[]
  pooling: Pooling
  /** @default a linear layer */
  head?: LayeredHead
  label_smoothing: number
  /** @default none */
  class_weight?: ClassWeights
  /** @default none */
  pos_weight?: ClassWeights
  /** Whether rows are pairs of texts. @default not known */
  pairs?: boolean
}

/** Methods of a fine-tuned classifier. @typeParam L Names of the classes. */
export interface SequenceClassifier<L extends Label = Label> {
  /** Names of the classes in order. */
  readonly labels: readonly L[]
  /**
   * Classifies texts, or pairs of texts, in batches. A text may be empty, as in transformers' pipelines: one without
   * tokens is read as a padding token. Longer ones than the model reads are cut, as in transformers.js:
   * `callbacks.onWarning` of fineTune and `onWarning` of loadFineTuned are told how many.
   * @throws {DataError} for what is no string.
   */
  readonly classify: (texts: readonly TextOrPair[]) => Promise<Classification<L>[]>
  /**
   * Logits, one array for all texts: [texts, classes] in row-major order; [texts, 1] for regression. Those of text i are
   * `logits.subarray(i * labels.length, (i + 1) * labels.length)`, in the order of `labels`.
   * @throws {DataError} for what is no string.
   */
  readonly logits: (texts: readonly TextOrPair[]) => Promise<Float32Array>
  /**
   * The last hidden states of every token of texts, which the head reads; opens a second session of the model.
   * @throws {DataError} for what is no string.
   */
  readonly hiddenStates: (texts: readonly string[]) => Promise<TextStates[]>
}

export interface SequenceClassificationTypes<L extends Label = Label> {
  row: SequenceClassificationRow
  table: ClassTable
  options: SequenceClassificationOptions
  settings: SequenceClassificationSettings
  example: SequenceClassificationExample
  prediction: readonly number[]
  serving: SequenceClassifier<L>
}

type Types = SequenceClassificationTypes

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

const headForms = headChecks(poolings)

/** Of the options, and of the settings, whose labels may be none. */
const checks = {
  problem_type: oneOf(Object.keys(problemTypes)),
  labels: classList,
  pooling: oneOf(poolings),
  head: headForms.option,
  label_smoothing: share,
  class_weight: classWeight,
  pos_weight: classWeight,
}

/** Of settings that models saved without them have not. */
const ofSettings = { class_weight: optional(classWeight), pos_weight: optional(classWeight), pairs: optional(flag) }

export const sequenceClassification: Task<Types> = {
  taskType: 'SEQ_CLS',
  options: checks,
  saved: { ...checks, labels: list, head: headForms.setting, ...ofSettings },
  async settings(rows, options, base, _, trained) {
    requireLabelled(rows, 'train')
    const several = rows.some(({ label }) => Array.isArray(label))
    const problem_type =
      options.problem_type ?? (several ? 'multi_label_classification' : 'single_label_classification')
    const named = options.labels ?? []
    const labels =
      named.length > 1 || (problem_type === 'regression' && named.length > 0)
        ? [...named]
        : // A part of its own in bundles.
          (await import('./found-classes.ts')).foundClasses(rows, problem_type, options, trained)
    const { label_smoothing = 0, class_weight, pos_weight } = options
    const weights =
      (label_smoothing || class_weight || pos_weight) &&
      // A part of its own in bundles.
      (await import('./found-weights.ts')).lossWeights(options, { problem_type, rows, labels, trained })
    const head = layered(options.head)
    if (head && options.pooling !== undefined && options.pooling !== head.pooling)
      throw (await import('./own-pooling.ts')).ownPooling(head.pooling, options.pooling)
    const pooling = (head?.pooling as Pooling | undefined) ?? options.pooling ?? (base.causal ? 'last' : 'mean')
    const [first] = rows
    const form = first ? { pairs: isPair(first) } : {}
    return { problem_type, labels, pooling, ...(head ? { head } : {}), label_smoothing, ...(weights || {}), ...form }
  },
  stratify: ({ problem_type }) => problem_type !== 'regression',
  async doubts(rows, { problem_type, labels }, options, given) {
    if (problem_type === 'regression' || areClear(labels, rows)) return []
    // A part of its own in bundles.
    return (await import('./class-doubts.ts')).classDoubts(rows, given, { classes: labels, named: !!options.labels })
  },
  head(base, settings, seed) {
    const { pooling, head } = settings
    const linear = { pooling, name: base.causal ? 'score' : 'classifier', bias: !base.causal }
    return withHead(base.hiddenStates(), {
      num_labels: outputCount(settings),
      ...(head ?? linear),
      initial: base.parameters,
      ...(settings.labels.length ? { labels: settings.labels.map(String) } : {}),
      seed,
    })
  },
  config({ problem_type, labels }, base) {
    return {
      ...architecture(base.config, 'ForSequenceClassification'),
      problem_type,
      ...labelNames(labels.length ? labels.map(String) : defaultLabels(1)),
    }
  },
  encode(rows, settings, context) {
    const { where } = context
    const { problem_type, labels } = settings
    const { examples, truncated } = encodeTextRows(rows, settings, context)
    requireLabelled(rows, where)
    const { target } = problemTypes[problem_type]
    return {
      examples: examples.map((ids, i) => ({
        ...ids,
        target: target((rows[i] as Types['row']).label, labels, rowPlace(where, i, rows[i])),
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
    return problemTypes[problem_type].scores(logits, targets, { labels, onWarning })
  },
  metricForBestModel: ({ problem_type }) => metricOfProblem[problem_type],
  scoresTraining: true,
  serve(predict, settings, context) {
    const { problem_type, labels } = settings
    const logitsOf = async (texts: readonly TextOrPair[]) => {
      requireList(texts, 'texts')
      if (texts.some(Array.isArray)) throw (await import('./array-text.ts')).arrayText(texts, '{ text, text_pair }')
      const rows = texts.map((text) => (typeof text === 'string' ? { text } : text))
      return predict(encodeTextRows(rows, settings, { ...context, where: 'texts' }, requireString))
    }
    const { base, device, max_length } = context
    const reader = context.lazily(async () => {
      // A part of its own in bundles.
      const { openHiddenStates } = await import('./hidden-states.ts')
      return openHiddenStates(base, await context.adapted(), { device, max_length })
    })
    return {
      labels,
      ...strictMethods(
        {
          classify: async (texts: readonly TextOrPair[]) =>
            (await logitsOf(texts)).map((row) => problemTypes[problem_type].classification(row, labels)),
          logits: async (texts: readonly TextOrPair[]) => Float32Array.from((await logitsOf(texts)).flat()),
        },
        'pairs',
      ),
      // The reader refuses more than texts.
      hiddenStates: async (...given) => (await reader()).hiddenStates(...given),
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
    return { data: Int32Array.from(examples, ({ target }) => target?.[0] ?? ignoreIndex), dims: [examples.length] }
  const nothing = new Array<number>(width).fill(0)
  return {
    data: Float32Array.from(examples.flatMap(({ target }) => target ?? nothing)),
    dims: [examples.length, width],
  }
}
