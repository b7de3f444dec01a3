// Options of distill, and their defaults.

import { type FileStore, type Label, type LabelledTable, rowsOfColumns, type Tokenizer } from '@cola/data'
import type { EmbeddingTable, StudentConfig } from '@cola/rnn'
import {
  adam,
  checkLoopOptions,
  defaultDevice,
  type Device,
  loopChecks,
  type LoopOptions,
  type Metrics,
  type Optimizer,
} from '@cola/train'
import { hasFiles, paths } from '@cola/train/files'
import {
  callable,
  type Check,
  type Checks,
  checkOptions,
  defined,
  list,
  object,
  text,
  whole,
} from '@cola/graph/options'
import { isTerms, type Term } from '../losses/graph-losses.ts'
import { type HiddenStatesOptions, hiddenStatesChecks } from '../losses/hidden-states.ts'
import { checkLossOptions, distillationChecks, type DistillationOptions, otherWeights } from '../losses/loss-options.ts'
import type { StatesOfText } from '../teacher/normalized-states.ts'
import type { TeacherSource } from '../teacher/open-teacher.ts'
import { refuseContradictions } from './contradictions.ts'
import { namedRowsOf } from './rows-with-names.ts'
import type { StudentModel } from './student-model.ts'
import { type TransferTexts, transferTexts, transferTextsCheck } from './transfer-texts.ts'

/** A text and its class. */
export interface DistillRow {
  text: string
  label: Label
}

/** An example of the run: a text's tokens, its class, and what the teacher gave for it. */
export interface DistillExample {
  input_ids: readonly number[]
  /** Index of the class; -100 where there is none. */
  label: number
  /** Inputs of the losses: `teacher_logits`, and `teacher_hidden` where a loss reads it. */
  teacher?: Readonly<Record<string, Float32Array>>
  /** The teacher's hidden states of its tokens, with the option `hidden_states`. */
  states?: StatesOfText
}

/** Options of {@link distill}. @typeParam L Names of the classes, by the option labels. */
export interface DistillOptions<L extends Label = Label> extends LoopOptions<DistillExample, readonly number[]> {
  /** What learns: a configuration of a recurrent classifier of @cola/rnn, or a model of one's own. */
  student: StudentConfig | StudentModel
  /**
   * What it learns from: a classifier's folder, a .safetensors file of logits, a fine-tuned model, a classifier, a
   * teacher of one's own; of several, the logits are averaged. @default none: the student learns from the labels alone
   */
  teacher?: TeacherSource | readonly TeacherSource[]
  /** The student's: a folder, a name on the hub, or a tokenizer. @default the teacher's */
  tokenizer?: string | Tokenizer
  /** Rows with labels. @default none, where there are `transfer` texts */
  train?: readonly DistillRow[]
  /** A share of `train`, above 0 and below 1, chosen by the seed; or rows. @default none */
  validation?: number | readonly DistillRow[]
  /** Unlabelled texts, learned from the teacher alone. @default none */
  transfer?: TransferTexts
  /** Rows by the name of their split, scored once, at the end. @default none */
  heldOut?: Readonly<Record<string, readonly DistillRow[]>>
  /**
   * Classes in the order of the teacher's logits; where they are strings, whole numbers in rows are indices of them.
   * @default the teacher's; without a teacher that names them, those that
   * occur in the training rows, sorted
   */
  labels?: readonly L[]
  /** Names under which a teacher's file of logits has the splits. @default train, transfer */
  splits?: { train?: string; transfer?: string }
  /** Options of the distillation loss, or a sum of losses of one's own. @default those of `distillation` */
  loss?: DistillationOptions | readonly Term[]
  /**
   * Every token teaches: the student's hidden states at all tokens, through a learned projection, are regressed on the
   * teacher's last ones, beside `loss`; `{}` for the defaults. The student reads the teacher's tokens.
   * @default the teacher's logits teach alone
   */
  hidden_states?: HiddenStatesOptions
  /**
   * Folder or store that keeps the teacher's logits and hidden states (as float16, from which batches are read), for
   * this run and others. @default `teacher` in `output_dir`; without that they are kept in memory
   */
  cache_dir?: string | FileStore
  /** First values of the embedding of a student that is given as a configuration. @default N(0, 1), drawn by the seed */
  embedding?: EmbeddingTable
  /** Longest text in tokens; longer ones are cut and counted. @default the tokenizer's, at most 128 */
  max_length?: number
  /** Scores from predicted and true classes, by index. @default classificationMetrics of @cola/data */
  compute_metrics?: ComputeMetrics
  /** @default adam({ max_grad_norm: 1 }) */
  optimizer?: Optimizer
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
}

/** Computes scores from predictions and labels, in place of the default ones. */
export type ComputeMetrics = (
  predictions: readonly number[],
  labels: readonly number[],
  options: { classes: number; target_names: readonly Label[]; onWarning: (message: string) => void },
) => Metrics | Promise<Metrics>

/** Options of a run, without those of its loop. */
export type OptionsOfRun = Omit<DistillOptions, keyof LoopOptions<never>>

const isShare = (value: unknown): boolean => typeof value === 'number' && value > 0 && value < 1
const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const objectOr = (expected: string, others: (value: unknown) => boolean): Check => [
  expected,
  (value) => object[1](value) || Array.isArray(value) || others(value),
]
const none = () => false

const checks: Checks<OptionsOfRun> = {
  student: object,
  teacher: objectOr('a folder, a file of logits, a classifier, a teacher, or an array of them', isText),
  tokenizer: objectOr('a folder, a name on the hub, or a tokenizer', isText),
  train: [
    list[0],
    list[1],
    (value) =>
      Array.isArray((value as LabelledTable | null)?.rows)
        ? 'Of a table: train: table.rows, labels: table.classes.'
        : rowsOfColumns(value, 'train'),
  ],
  validation: ['a number above 0 and below 1, or an array of rows', (value) => isShare(value) || Array.isArray(value)],
  transfer: transferTextsCheck,
  heldOut: ['rows by a name, such as { test: rows }', object[1]],
  labels: list,
  splits: object,
  loss: objectOr('options of the distillation loss, or an array of losses', none),
  hidden_states: object,
  cache_dir: objectOr('a folder, or a store of files', isText),
  embedding: object,
  max_length: whole(1),
  compute_metrics: callable,
  optimizer: object,
  device: text,
}

/** Options that belong to `loss`. */
const elsewhere: Readonly<Record<string, string>> = {
  ...otherWeights,
  ...Object.fromEntries(
    Object.keys(distillationChecks).map((name) => [name, `It belongs to loss: loss: { ${name}: ... }.`]),
  ),
}

const splitChecks: Checks<NonNullable<DistillOptions['splits']>> = { train: text, transfer: text }

/** What works for tables of a hundred rows as for those of ten thousand. */
export const loopDefaults = {
  epochs: 10,
  batch_size: 32,
  eval_batch_size: 64,
  learning_rate: 2e-3,
  lr_scheduler_type: 'linear',
  warmup: 0.06,
  seed: 42,
} as const satisfies LoopOptions<never>

/**
 * By default: a recurrent student is unrolled, one copy of its cell for each token, and the runtime opens a graph in a
 * time that grows with the square of its size.
 */
const longestText = 128

/** The longest text in tokens, where no option says it. */
export const longestOf = ({ modelMaxLength }: Pick<Tokenizer, 'modelMaxLength'>): number =>
  Math.min(modelMaxLength ?? longestText, longestText)

/** The options of a run, with their defaults. */
export interface ReadOptions extends Omit<OptionsOfRun, 'train' | 'transfer' | 'heldOut' | 'splits' | 'cache_dir'> {
  train: readonly DistillRow[]
  transfer: readonly string[]
  heldOut: Readonly<Record<string, readonly DistillRow[]>>
  splits: { train: string; transfer: string }
  cache_dir: string | FileStore | undefined
  optimizer: Optimizer
  device: Device
  loop: LoopOptions<DistillExample, readonly number[]> & { seed: number; eval_batch_size: number }
}

/**
 * Sorts the options, checks them, fills in the defaults, and reads the transfer texts.
 * @throws {ConfigError} for an option that is unknown, out of its range, or in contradiction to another; what
 * `transferTexts` throws.
 */
export async function readOptions(options: DistillOptions): Promise<ReadOptions> {
  checkOptions('distill', options, { ...checks, ...loopChecks }, false, elsewhere)
  const entries = Object.entries(defined(options))
  const part = (names: object) => Object.fromEntries(entries.filter(([name]) => Object.hasOwn(names, name)))
  const { train = [], transfer: given = [], heldOut = {}, splits, ...run } = namedRowsOf(part(checks) as OptionsOfRun)
  const loop: ReadOptions['loop'] = { ...loopDefaults, ...part(loopChecks) }
  checkLoopOptions('distill', loop, {
    evaluationRows:
      run.validation === undefined || (Array.isArray(run.validation) && run.validation.length === 0) ? 0 : 1,
    lengths: true,
    scores: true,
    names: { evaluation: 'validation', lengths: 'lengths', scores: 'compute_metrics' },
  })
  checkOptions('distill, option splits', splits ?? {}, splitChecks)
  if (run.loss !== undefined && !isTerms(run.loss)) checkLossOptions('distill, option loss', run.loss)
  checkOptions('distill, option hidden_states', run.hidden_states ?? {}, hiddenStatesChecks)
  const { output_dir } = loop
  refuseContradictions({ ...run, train, transfer: given, ...(splits ? { splits } : {}) })
  const transfer = await transferTexts(given)
  return {
    ...run,
    train,
    transfer,
    heldOut,
    splits: { train: 'train', transfer: 'transfer', ...defined(splits ?? {}) },
    optimizer: run.optimizer ?? adam({ max_grad_norm: 1 }),
    device: run.device ?? defaultDevice(),
    cache_dir: run.cache_dir ?? (typeof output_dir === 'string' ? teacherIn(output_dir) : output_dir),
    loop,
  }
}

/** Beside the run. A page has no folders, which is told of the run's own. */
const teacherIn = (folder: string): string => (hasFiles() ? paths().join(folder, 'teacher') : folder)
