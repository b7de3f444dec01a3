// What a run needs before it trains: classes, examples, student, artifacts, and the teacher's logits, in this order.

import { readTokenizer, type Tokenizer } from '@cola/data'
import { getValue, type Loss } from '@cola/graph'
import { ConfigError, crossEntropy, generateArtifacts, metricOf, type TrainingArtifacts } from '@cola/train'
import { distillation, isTerms, sumOfLosses } from '../losses/graph-losses.ts'
import { labelOptions } from '../losses/loss-options.ts'
import { cachedTeacher } from '../teacher/cached-teacher.ts'
import { openTeacher } from '../teacher/open-teacher.ts'
import type { Teacher } from '../teacher/teacher.ts'
import { classesOfRun } from './classes-of-run.ts'
import { doubtsOfRun } from './doubts-of-run.ts'
import { type EncodeContext, labelsOf } from './encode-rows.ts'
import { everyToken } from './every-token.ts'
import { type ExamplesOfRun, examplesOfRun } from './examples-of-run.ts'
import { type DistillExample, type DistillOptions, longestOf, type ReadOptions } from './options.ts'
import { ofClasses, type Score, scorer } from './scorer.ts'
import { embeddingRows, type StudentModel, studentOf } from './student-model.ts'
import { teacherInputs, teacherValues } from './teacher-values.ts'
import { tokenTargets } from './token-targets.ts'

export interface PreparedRun {
  context: EncodeContext
  student: StudentModel
  artifacts: TrainingArtifacts
  /** Training examples with the teacher's values, labelled ones first. */
  train: readonly DistillExample[]
  evaluation: readonly DistillExample[]
  heldOut: ReadonlyMap<string, readonly DistillExample[]>
  score: Score
  /** Numbers of a teacher's state, with the option `hidden_states`. */
  statesWidth: number | undefined
}

/**
 * Prepares a run. The teacher is asked last, when all else is known to be right, and closed if it was opened here.
 * @throws what `distill` throws before it trains.
 */
export async function prepareRun(run: ReadOptions, onWarning: (message: string) => void): Promise<PreparedRun> {
  const { device, embedding, optimizer, teacher: source, loop } = run
  const opened = source === undefined ? undefined : await openTeacher(source, { device, onWarning })
  try {
    const teacher = opened?.teacher
    const context = await contextOf(run, teacher)
    const examples = examplesOfRun(run, context, onWarning)
    const { labels, tokenizer } = context
    const named = (run.labels ?? teacher?.labels) !== undefined
    for (const doubt of doubtsOfRun(examples, run, labels, named)) onWarning(doubt)
    const { sentences, evaluation, heldOut } = examples
    const plain = studentOf(run.student, { labels, tokenizer, sentences, embedding, seed: loop.seed })
    const { student, loss, statesWidth } =
      teacher && run.hidden_states
        ? await everyToken(run, plain, teacher, context)
        : { student: plain, loss: lossOf(run.loss, teacher), statesWidth: undefined }
    const artifacts = generateArtifacts(student.model, { loss, evalLoss: crossEntropy(), optimizer })
    const score = scorer(run.compute_metrics ?? ofClasses, labels)
    if (loop.metric_for_best_model !== undefined) await requireMetric(loop.metric_for_best_model, evaluation, score)
    const train = teacher ? await withTeacher(teacher, run, examples, artifacts) : examples.train
    return { context, student, artifacts, train, evaluation, heldOut, score, statesWidth }
  } finally {
    await opened?.release()
  }
}

async function contextOf(run: ReadOptions, teacher: Teacher | undefined): Promise<EncodeContext> {
  const { train, labels, student, embedding, max_length } = run
  const tokenizer = await tokenizerOf(run, teacher)
  const classes = classesOfRun({
    found: train.length ? labelsOf(train, 'train') : [],
    teacher: teacher?.labels,
    labels,
  })
  return {
    tokenizer,
    labels: classes,
    max_length: max_length ?? longestOf(tokenizer),
    vocab_size: embeddingRows(student, embedding),
    labelFix: teacher?.labels
      ? 'The teacher has no such class: leave the row out; or say with the option labels what its classes are called.'
      : 'The training rows have no such label: add some, or name all classes with the option labels.',
  }
}

async function tokenizerOf({ tokenizer }: ReadOptions, teacher: Teacher | undefined): Promise<Tokenizer> {
  const found = tokenizer ?? teacher?.tokenizer
  if (typeof found === 'string') return readTokenizer(found)
  if (found) return found
  throw new ConfigError({
    where: 'distill, option tokenizer',
    what: 'missing, and the teacher has none',
    expected: 'a folder, a name on the hub, or a tokenizer',
  })
}

/** Without a teacher, what the labels contribute alone. */
function lossOf(loss: DistillOptions['loss'], teacher: Teacher | undefined): Loss {
  if (isTerms(loss)) return sumOfLosses(loss)
  return teacher ? distillation(loss) : crossEntropy(labelOptions(loss ?? {}))
}

/** @throws {ConfigError} for a metric that perfect predictions of the evaluation rows have not. */
async function requireMetric(metric: string, evaluation: readonly DistillExample[], score: Score): Promise<void> {
  const classes = 1 + evaluation.reduce((greatest, { label }) => Math.max(greatest, label), 0)
  const perfect = evaluation.map(({ label }) => Array.from({ length: classes }, (_, i) => (i === label ? 1 : 0)))
  metricOf(metric, 0, await score(perfect, evaluation, () => undefined))
}

/** The training examples with what the teacher gives for each. */
async function withTeacher(
  teacher: Teacher,
  { splits, train: rows, transfer, hidden_states, cache_dir: folder }: ReadOptions,
  { train, places }: ExamplesOfRun,
  { trainingModel }: TrainingArtifacts,
): Promise<DistillExample[]> {
  const asked = folder === undefined ? teacher : cachedTeacher(teacher, { folder })
  const inputs = teacherInputs.filter((name) => trainingModel.inputs.includes(name))
  const widths = new Map(inputs.map((name) => [name, getValue(trainingModel, name).shape.at(-1)] as const))
  const texts = rows.map(({ text }) => text)
  // A file has a row for each row that was given, whatever part of them is kept for validation.
  const values = await teacherValues(asked, { name: splits.train, texts }, widths)
  const others = await teacherValues(asked, { name: splits.transfer, texts: transfer }, widths)
  const ofTrain = [...places.map((place) => values[place]), ...others]
  const splitsOfRun = {
    train: { name: splits.train, texts },
    transfer: { name: splits.transfer, texts: transfer.slice(0, hidden_states?.max_transfer_texts) },
  }
  const states = hidden_states ? await tokenTargets(teacher, splitsOfRun, { train, places }, folder) : undefined
  return train.map((example, i) => ({
    ...example,
    teacher: ofTrain[i] as Record<string, Float32Array>,
    ...(states?.[i] ? { states: states[i] } : {}),
  }))
}
