// A trained student at work: it answers, is scored, saved, exported and released.

import { checkOptions } from '@cola/graph/options'
import { argMax, cutTexts, type FileSink, type Label, type Tokenizer } from '@cola/data'
import { safetensorsChunks, type Tensor } from '@cola/graph'
import { saveStudent } from '@cola/rnn'
import {
  type Batch,
  ConfigError,
  crossEntropy,
  type Device,
  type Evaluation,
  type EvaluationSession,
  evaluateRows,
  FeedError,
  type Metrics,
  modelFingerprint,
  type ModelFolder,
  once,
  openEvaluation,
  type StepResult,
  type TrainResult,
  writeClassifier,
  writeTokenizer,
  formChecks,
} from '@cola/train'
import { flush, sinkOf, writeJson } from '@cola/train/files'
import { logSoftmax, rowsOf } from '../losses/row-numerics.ts'
import { collateExamples } from './collate-examples.ts'
import { encodeLabelled, encodeServed, type EncodeContext } from './encode-rows.ts'
import type { DistillExample, DistillRow } from './options.ts'
import type { Score } from './scorer.ts'
import type { TrainedStudent } from './student-model.ts'

/** What a student makes of a text. @typeParam L Names of the classes. */
export interface StudentClassification<L extends Label = Label> {
  /** The likeliest class. */
  label: L
  /** Its index. */
  index: number
  /** Of each class in order; they sum to 1. */
  probabilities: readonly number[]
}

/** Scores of rows; a prediction is the logits of one. */
export type StudentEvaluation = Evaluation<readonly number[]>

/** Options of exporting a distilled student. */
export type StudentExportOptions = Pick<ModelFolder, 'dtype' | 'layout'>

/** A student that `distill` trained; it may be a teacher in its turn. @typeParam L Names of the classes. */
export interface DistilledStudent<L extends Label = Label> {
  /** Names of the classes in order. */
  readonly labels: readonly L[]
  /** Scores of the validation rows at the best epoch; without them, none. */
  readonly metrics: Metrics
  /** Scores of the validation rows with the weights that the run ended with; undefined without them. */
  readonly evaluation: StudentEvaluation | undefined
  /** The same of each held-out split. */
  readonly heldOut: Readonly<Record<string, StudentEvaluation>>
  /** The run. */
  readonly training: TrainResult
  /** Parameters of the best epoch as they are saved: PyTorch's names for students of @cola/rnn. */
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly tokenizer: Tokenizer
  /**
   * Classifies texts, in batches. A text may be empty; one without tokens is read as a padding token. Longer ones than
   * the student reads are cut, which `callbacks.onWarning` is told.
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
   * Writes model.safetensors and config.json, with PyTorch's names for students of @cola/rnn (`loadStudent` reads
   * them), and the tokenizer.
   * @throws {FileError} when the folder cannot be written.
   */
  readonly save: (folder: string | FileSink) => Promise<void>
  /**
   * Writes a classifier for any ONNX Runtime, which `loadClassifier` reads.
   * @throws {ConfigError} for an unknown option, and a student of one's own that takes other inputs than token ids and has no `inference`;
   * {FileError} when the folder cannot be written.
   */
  readonly export: (folder: string | FileSink, options?: StudentExportOptions) => Promise<void>
  /** Frees the model. It answers no more. */
  readonly release: () => Promise<void>
}

/** What a distilled student is made of. */
export interface StudentParts extends Pick<DistilledStudent, 'metrics' | 'evaluation' | 'heldOut' | 'training'> {
  student: TrainedStudent
  context: EncodeContext
  score: Score
  device: Device
  /** Rows of a batch. */
  batch_size: number
  /** Told of texts that were cut. */
  onWarning: (message: string) => void
}

/** Logits of each row of a batch. */
export const logitRows = ({ logits }: StepResult['outputs'], rows: number): number[][] =>
  rowsOf(logits?.data ?? [], (logits?.data.length ?? 0) / rows)

/** What to do about a label that a student has not learned. */
const labelFix =
  'The student knows its classes alone: rename the label, or leave the row out. namedRows of @cola/data names indices.'

/** Builds the object that `distill` returns. */
export function distilledStudent(parts: StudentParts): DistilledStudent {
  const { student, context, score, device, batch_size, onWarning, ...results } = parts
  const { labels, tokenizer } = context
  const sessions = new Map<'evaluation', Promise<EvaluationSession>>()
  const open = () => openEvaluation(student.model, { loss: crossEntropy(), device })
  let released = false
  const run = async (examples: readonly DistillExample[]) => {
    if (released) throw new FeedError({ where: 'student', what: 'it has been released', fix: 'Export it before.' })
    return evaluateRows(await once(sessions, 'evaluation', open), examples, {
      collate: (batch: readonly DistillExample[]): Batch => collateExamples(student.collate, batch),
      predict: (outputs, batch) => logitRows(outputs, batch.length),
      tokens: ({ input_ids }) => input_ids.length,
      batch_size,
    })
  }
  const logitsOf = async (texts: readonly string[]): Promise<number[][]> => {
    const { examples, truncated } = encodeServed(texts, context)
    for (const message of cutTexts(texts, truncated, 'texts', context.max_length)) onWarning(message)
    return examples.length === 0 ? [] : (await run(examples)).predictions
  }
  return {
    ...results,
    labels,
    tokenizer,
    parameters: student.parameters,
    classify: async (texts) =>
      (await logitsOf(texts)).map((logits) => {
        const index = argMax(logits)
        return { label: labels[index] as Label, index, probabilities: logSoftmax(logits).map(Math.exp) }
      }),
    logits: async (texts) => Float32Array.from((await logitsOf(texts)).flat()),
    evaluate: async (rows) => {
      const { examples, truncated } = encodeLabelled(rows, 'rows', { ...context, labelFix })
      const { loss, predictions } = await run(examples)
      const warnings = cutTexts(rows, truncated, 'rows', context.max_length)
      const metrics = score(predictions, examples, (message) => warnings.push(message))
      return { loss, metrics, predictions, warnings }
    },
    fingerprint: () => modelFingerprint(student.model.graph, [labels, context.max_length, tokenizer.files]),
    save: async (folder) => {
      save(sinkOf(folder), student, context)
      await flush(folder)
    },
    export: async (folder, options) => {
      exportClassifier(folder, student, context, options)
      await flush(folder)
    },
    release: async () => {
      released = true
      for (const one of await Promise.allSettled(sessions.values()))
        if (one.status === 'fulfilled') await one.value.release()
      sessions.clear()
    },
  }
}

function save(sink: FileSink, { config, parameters }: TrainedStudent, { labels, tokenizer }: EncodeContext): void {
  if (config) {
    saveStudent(sink, { config, parameters, tokenizer })
    return
  }
  writeTokenizer(tokenizer, sink)
  sink.write('model.safetensors', safetensorsChunks(parameters))
  const id2label = Object.fromEntries(labels.map((label, i) => [i, String(label)]))
  writeJson(sink, 'config.json', { id2label })
}

function exportClassifier(
  folder: string | FileSink,
  { config, model: { graph }, portable }: TrainedStudent,
  { labels, tokenizer, max_length }: EncodeContext,
  options: StudentExportOptions = {},
): void {
  checkOptions('export', options, formChecks)
  if (!portable)
    throw new ConfigError({
      where: 'export',
      what: 'the student takes inputs that no other program makes of a text',
      expected: 'input_ids, attention_mask',
      found: graph.inputs.join(', '),
      fix: 'Give the student a function inference(parameters), which makes such a graph.',
    })
  const named = { config: { ...config }, labels: labels.map(String) }
  writeClassifier({ ...options, ...named, folder, graph, tokenizer, max_length })
}
