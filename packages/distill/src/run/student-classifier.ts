// A student at work: it answers, is scored, saved, exported and released.

import {
  cutTexts,
  type DirectoryHandle,
  type FileSink,
  type Label,
  type LabelsOfText,
  oneLabel,
  strictMethods,
  type Tokenizer,
} from '@cola/data'
import type { Tensor } from '@cola/graph'
import {
  type Batch,
  crossEntropy,
  type Device,
  type Evaluation,
  type EvaluationSession,
  evaluateRows,
  type Metrics,
  modelFingerprint,
  once,
  openEvaluation,
  type StepResult,
  untilRelease,
} from '@cola/train'
import { refuseFolderOf, sinkOf, stored } from '@cola/train/files'
import { rowsOf } from '../losses/row-numerics.ts'
import { collateExamples } from './collate-examples.ts'
import { encodeLabelled, encodeServed, type ServedContext } from './encode-rows.ts'
import { exportClassifier, type StudentExportOptions } from './export-classifier.ts'
import type { DistillExample, DistillRow } from './options.ts'
import { saveDistilled } from './save-distilled.ts'
import type { Score } from './scorer.ts'
import type { TrainedStudent } from './student-model.ts'

/** What a student makes of a text; `labels` has the class alone. @typeParam L Names of the classes. */
export type StudentClassification<L extends Label = Label> = LabelsOfText<L>

/** Scores of rows; a prediction is the logits of one. */
export type StudentEvaluation = Evaluation<readonly number[]>

/** A student that classifies; it may be a teacher. @typeParam L Names of the classes. */
export interface StudentClassifier<L extends Label = Label> {
  /** Names of the classes in order. */
  readonly labels: readonly L[]
  /** Scores of the validation rows at the best epoch; without them, none. */
  readonly metrics: Metrics
  /** Parameters of the best epoch as they are saved: PyTorch's names for students of @cola/rnn. */
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly tokenizer: Tokenizer
  /**
   * Classifies texts, in batches. A text may be empty; one without tokens is read as a padding token. Longer ones than
   * the student reads are cut, which `onWarning` is told.
   * @throws {DataError} for what is no string.
   */
  readonly classify: (texts: readonly string[]) => Promise<StudentClassification<L>[]>
  /**
   * Logits, one array for all texts: [texts, classes] in row-major order. Those of text i are
   * `logits.subarray(i * labels.length, (i + 1) * labels.length)`. @throws {DataError} as `classify`.
   */
  readonly logits: (texts: readonly string[]) => Promise<Float32Array>
  /** Scores rows. @throws {DataError} naming the row and the field. */
  readonly evaluate: (rows: readonly DistillRow[]) => Promise<StudentEvaluation>
  /** SHA-256 of all that an answer depends on. */
  readonly fingerprint: () => string
  /**
   * Writes model.safetensors and config.json, with PyTorch's names for students of @cola/rnn, the tokenizer, and in
   * distilled.json the classes and the longest text. `loadDistilled` opens them; `loadStudent` of @cola/rnn reads the
   * parameters.
   * @throws {ConfigError} for the folder of the teacher or the tokenizer; {FileError} when the folder cannot be written.
   */
  readonly save: (folder: string | FileSink | DirectoryHandle) => Promise<void>
  /**
   * Writes a classifier for any ONNX Runtime, which `loadClassifier` reads.
   * @throws {ConfigError} for an unknown option, the folder of the teacher or the tokenizer, and a student of one's own
   * that takes other inputs than token ids and has no `inference`; {FileError} when the folder cannot be written.
   */
  readonly export: (folder: string | FileSink | DirectoryHandle, options?: StudentExportOptions) => Promise<void>
  /** Frees the model. It answers no more. */
  readonly release: () => Promise<void>
}

/** What a student that classifies is made of. */
export interface ClassifierParts {
  student: TrainedStudent
  context: ServedContext
  metrics: Metrics
  score: Score
  device: Device
  /** Rows of a batch. */
  batch_size: number
  /** What nothing is written into the folder of, by what it is in words. */
  sources: Readonly<Record<string, unknown>>
  /** Told of texts that were cut. */
  onWarning: (message: string) => void
}

/** Logits of each row of a batch. */
export const logitRows = ({ logits }: StepResult['outputs'], rows: number): number[][] =>
  rowsOf(logits?.data ?? [], (logits?.data.length ?? 0) / rows)

/** What to do about a label that a student has not learned. */
const labelFix =
  'The student knows its classes alone: rename the label, or leave the row out. namedRows of @cola/data names indices.'

/** Builds what `loadDistilled` returns, and `distill` with its run. */
export function studentClassifier(parts: ClassifierParts): StudentClassifier {
  const { student, context, metrics, score, device, batch_size, sources, onWarning } = parts
  const { labels, tokenizer } = context
  const sessions = new Map<'evaluation', Promise<EvaluationSession>>()
  const open = () => openEvaluation(student.model, { loss: crossEntropy(), device })
  const { requireOpen, release } = untilRelease('student', 'Release it last: loadDistilled opens what save wrote.')
  const run = async (examples: readonly DistillExample[]) => {
    requireOpen()
    return evaluateRows(await once(sessions, 'evaluation', open), examples, {
      collate: (batch: readonly DistillExample[]): Batch => collateExamples(student.collate, batch),
      predict: (outputs, batch) => logitRows(outputs, batch.length),
      tokens: ({ input_ids }) => input_ids.length,
      batch_size,
    })
  }
  const logitsOf = async (texts: readonly string[]): Promise<number[][]> => {
    requireOpen()
    const { examples, truncated } = encodeServed(texts, context)
    for (const message of cutTexts(texts, truncated, 'texts', context.max_length)) onWarning(message)
    return examples.length === 0 ? [] : (await run(examples)).predictions
  }
  const classify: StudentClassifier['classify'] = async (texts) =>
    (await logitsOf(texts)).map((row) => oneLabel(row, labels))
  const logits: StudentClassifier['logits'] = async (texts) => Float32Array.from((await logitsOf(texts)).flat())
  const evaluate: StudentClassifier['evaluate'] = async (rows) => {
    requireOpen()
    const { examples, truncated } = encodeLabelled(rows, 'rows', { ...context, labelFix })
    const { loss, predictions } = await run(examples)
    const warnings = cutTexts(rows, truncated, 'rows', context.max_length)
    const metrics = await score(predictions, examples, (message) => warnings.push(message))
    return { loss, metrics, predictions, warnings }
  }
  const save: StudentClassifier['save'] = (target) =>
    stored(target, (folder) => {
      requireOpen()
      refuseFolderOf('save', folder, sources)
      saveDistilled(sinkOf(folder), student, { ...context, metrics })
    })
  return {
    metrics,
    labels,
    tokenizer,
    parameters: student.parameters,
    ...strictMethods({ classify, logits, evaluate, save }),
    fingerprint: () => {
      requireOpen()
      return modelFingerprint(student.model.graph, [labels, context.max_length, tokenizer.files])
    },
    export: (target, options) =>
      stored(target, (folder) => {
        requireOpen()
        refuseFolderOf('export', folder, sources)
        exportClassifier(folder, student, context, options)
      }),
    release: async () => {
      release()
      for (const one of await Promise.allSettled(sessions.values()))
        if (one.status === 'fulfilled') await one.value.release()
      sessions.clear()
    },
  }
}
