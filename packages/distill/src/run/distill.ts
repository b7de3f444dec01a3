// distill({ teacher, student, data }): the Trainer with a teacher's logits beside the labels.

import { argMaxRows, classificationMetrics, classLabels, type LabelledText } from '@cola/data'
import { type Dim, getValue, type Loss, type Model, type Tensor } from '@cola/graph'
import {
  adam,
  type Batch,
  checkLabels,
  classesOf,
  crossEntropy,
  type Device,
  type Evaluation,
  FeedError,
  generateArtifacts,
  ignoreIndex,
  type Metrics,
  type Optimizer,
  Trainer,
  type TrainerOptions,
  TrainingSession,
  type TrainResult,
} from '@cola/train'
import { distillation, lossWeights, sumOfLosses, type Term } from '../losses/graph.ts'
import { checkLossOptions, type DistillationOptions, distillationChecks, labelOptions } from '../losses/options.ts'
import { requireLogits } from '../teacher/check.ts'
import { averageTeachers, type Split, type Teacher } from '../teacher/teacher.ts'

/** What learns: any model with `logits`, and how its sentences become batches. */
export interface StudentModel {
  readonly model: Model
  /** The model's inputs for sentences of token ids. */
  readonly collate: (sentences: readonly (readonly number[])[]) => Batch
}

export interface DistillData {
  train: readonly LabelledText[]
  evaluation?: readonly LabelledText[]
  /** Unlabelled sentences, learned from the teacher alone. @default none */
  transfer?: readonly string[]
  /** Scored once, with the weights that the run ends with. @default none */
  held_out?: Readonly<Record<string, readonly LabelledText[]>>
}

/** A row of the run: a sentence, its class (-100 where it has none), and what the teacher says of it. */
export interface DistillRow {
  input_ids: readonly number[]
  label: number
  /** Inputs of the losses: `teacher_logits`, and `teacher_hidden` where a loss reads it. */
  teacher?: Readonly<Record<string, Float32Array>>
}

export interface DistillOptions
  extends Omit<TrainerOptions<DistillRow, number>, 'session' | 'data' | 'step_inputs' | 'predict' | 'compute_metrics'> {
  student: StudentModel
  /**
   * The student's tokenizer: `(text) => tokenizer.encode(text, { max_length })`, where the student has a longest
   * sentence.
   */
  encode: (text: string) => readonly number[]
  /** None: the student learns from the labels alone, at the same budget. Several: their logits are averaged. */
  teacher?: Teacher | readonly Teacher[]
  data: DistillData
  /** Names under which a teacher knows the splits. @default train, transfer */
  splits?: { train?: string; transfer?: string }
  /** Options of the distillation loss, or a sum of losses of one's own. @default those of `distillation` */
  loss?: DistillationOptions | readonly Term[]
  /**
   * Metrics from classes predicted and true, of the rows that have one. @default classificationMetrics of @cola/data
   */
  compute_metrics?: (
    predictions: readonly number[],
    labels: readonly number[],
    options: { onWarning: (message: string) => void },
  ) => Metrics
  /** @default adam() */
  optimizer?: Optimizer
  /** @default 'auto' */
  device?: Device
}

/** Loss, metrics and classes of rows. */
export type Scores = Evaluation<number>

export interface DistillResult extends TrainResult {
  /** Trained parameters, of the best epoch unless load_best_model_at_end is false. */
  parameters: Map<string, Tensor>
  /** Cross-entropy, metrics and classes of the evaluation rows, where there are any. */
  evaluation: Scores | undefined
  /** The same of each held-out split. */
  held_out: Record<string, Scores>
}

/**
 * Trains a student on a teacher's logits and the labels; everything else is the Trainer's: epochs, the best one,
 * checkpoints, exact resume. Evaluation reports the cross-entropy against the labels, so that runs with and without a
 * teacher compare.
 * @throws what Trainer and the teacher throw; {ConfigError} for a bad option of the loss, before the teacher is asked;
 * {FeedError} naming the split and the row where a teacher says NaN or +Infinity, or masks (-Infinity) every class.
 */
export async function distill(options: DistillOptions): Promise<DistillResult> {
  const { student, encode, teacher, data, splits = {}, loss, optimizer = adam(), device = 'auto', ...others } = options
  const { compute_metrics = classificationMetrics, ...rest } = others
  const teaching = teacher === undefined ? undefined : 'logits' in teacher ? teacher : averageTeachers(teacher)
  if (data.transfer?.length && !teaching)
    throw new FeedError({
      where: 'data.transfer',
      what: 'unlabelled sentences without a teacher',
      fix: 'Give a teacher, or leave them out.',
    })
  const terms = isTerms(loss) ? loss : undefined
  const artifacts = generateArtifacts(student.model, {
    loss: lossOf(loss, teaching),
    evalLoss: crossEntropy(),
    optimizer,
  })
  for (const [name, texts] of Object.entries(data.held_out ?? {})) {
    if (texts.length === 0)
      throw new FeedError({
        where: `data.held_out.${name}`,
        what: 'there is nothing to score',
        expected: 'at least one text',
      })
    checkLabels(
      `data.held_out.${name}`,
      texts.map(({ label }) => label),
      classesOf(artifacts.evalLossTerms),
    )
  }
  const inputs = teacherInputs.filter((name) => artifacts.trainingModel.inputs.includes(name))
  const rows = (texts: readonly LabelledText[]): DistillRow[] =>
    texts.map(({ text, label }) => ({ input_ids: encode(text), label }))
  const widths = new Map(inputs.map((name) => [name, getValue(artifacts.trainingModel, name).shape.at(-1)] as const))
  const train = await taught(rows(data.train), widths, teaching, {
    name: splits.train ?? 'train',
    texts: data.train.map(({ text }) => text),
  })
  const unlabelled = rows((data.transfer ?? []).map((text) => ({ text, label: ignoreIndex })))
  const transfer = await taught(unlabelled, widths, unlabelled.length ? teaching : undefined, {
    name: splits.transfer ?? 'transfer',
    texts: data.transfer ?? [],
  })

  const session = await TrainingSession.create({
    artifacts,
    device,
    ...(rest.seed === undefined ? {} : { seed: rest.seed }),
  })
  try {
    const evaluation = rows(data.evaluation ?? [])
    const trainer = new Trainer<DistillRow, number>({
      ...rest,
      session,
      data: {
        train: [...train, ...transfer],
        ...(evaluation.length ? { evaluation } : {}),
        collate: (batch) => collate(student, batch),
        tokens: (row) => row.input_ids.length,
      },
      predict: ({ logits }, batch) => argMaxRows(logits?.data ?? new Float32Array(), batch.length),
      compute_metrics: ({ predictions, rows: scored, onWarning }) => {
        const labelled = scored.flatMap(({ label }, i) => (label === ignoreIndex ? [] : [i]))
        const of = (values: readonly number[]) => labelled.map((i) => values[i] as number)
        return compute_metrics(of(predictions), of(scored.map(({ label }) => label)), { onWarning })
      },
      ...(terms ? { step_inputs: ({ step, total_steps }) => lossWeights(terms, step / total_steps) } : {}),
    })
    const result = await trainer.train()
    const held_out: Record<string, Scores> = {}
    if (result.stopped !== 'aborted')
      for (const [name, texts] of Object.entries(data.held_out ?? {}))
        held_out[name] = await trainer.evaluate(rows(texts))
    return {
      ...result,
      parameters: await session.getParameters(),
      evaluation: evaluation.length ? await trainer.evaluate(evaluation) : undefined,
      held_out,
    }
  } finally {
    await session.release()
  }
}

const isTerms = (loss: DistillOptions['loss']): loss is readonly Term[] => Array.isArray(loss)

/** Without a teacher, what the labels contribute alone. */
function lossOf(loss: DistillOptions['loss'], teacher: Teacher | undefined): Loss {
  if (isTerms(loss)) return sumOfLosses(loss)
  if (teacher) return distillation(loss)
  checkLossOptions('distillation', loss ?? {}, distillationChecks)
  return crossEntropy(labelOptions(loss ?? {}))
}

/** What a loss may read of a teacher, under the names of the graph's inputs. */
const teacherInputs = ['teacher_logits', 'teacher_hidden'] as const
type TeacherInput = (typeof teacherInputs)[number]

/** Rows with what the teacher says of each, of the widths that the losses read. */
async function taught(
  rows: readonly DistillRow[],
  widths: ReadonlyMap<TeacherInput, Dim | undefined>,
  teacher: Teacher | undefined,
  split: Split,
): Promise<DistillRow[]> {
  if (!teacher) return [...rows]
  const said = await Promise.all(
    [...widths].map(async ([name, expected]) => {
      const values = await (name === 'teacher_logits' ? teacher.logits(split) : hiddenOf(teacher, split))
      const where = `teacher, split "${split.name}"`
      requireLogits(values, { where, rows: rows.length, masks: name === 'teacher_logits' })
      const width = values.length / rows.length
      if (rows.length > 0 && typeof expected === 'number' && width !== expected)
        throw new FeedError({
          where,
          what: `${name} does not fit the student`,
          expected: `rows of ${expected}`,
          found: `rows of ${width}`,
        })
      return [name, values] as const
    }),
  )
  return rows.map((row, i) => {
    const own = said.map(([name, values]) => {
      const width = values.length / rows.length
      return [name, values.slice(i * width, (i + 1) * width)]
    })
    return { ...row, teacher: Object.fromEntries(own) }
  })
}

function hiddenOf(teacher: Teacher, split: Split): Promise<Float32Array> {
  if (!teacher.hidden)
    throw new FeedError({
      where: 'teacher',
      what: 'a loss reads its hidden states, and it shows none',
      expected: 'hidden(split)',
    })
  return teacher.hidden(split)
}

function collate({ collate: batchOf }: StudentModel, rows: readonly DistillRow[]): Batch {
  const names = Object.keys(rows[0]?.teacher ?? {})
  const said = names.map((name) => {
    const values = rows.flatMap(({ teacher }) => [...(teacher?.[name] ?? [])])
    return [name, { data: Float32Array.from(values), dims: [rows.length, values.length / rows.length] }]
  })
  return {
    ...batchOf(rows.map(({ input_ids }) => input_ids)),
    labels: classLabels(rows.map(({ label }) => label)),
    ...Object.fromEntries(said),
  }
}
