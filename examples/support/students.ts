// Experiment 2: a student with a teacher and without, on several seeds.

import { argMax, classificationMetrics, type LabelledText } from '@cola/data'
import {
  distill,
  type DistillationOptions,
  type HiddenStatesOptions,
  type StudentConfig,
  type Teacher,
} from '@cola/distill'
import { type EmbeddingTable, embeddingFrom, parseDistilRnnConfig } from '@cola/rnn'
import { adamw, type Callbacks, type Device, type EpochLog, readSafetensorsFile, type ScheduleName } from '@cola/train'
import type { Splits } from './data.ts'
import { reportLoss, reportStudent, reportTraining } from './report/student.ts'

/** How a student is made and trained; the report's settings by default. */
export interface StudentSettings {
  config?: StudentConfig
  epochs?: number
  batch_size?: number
  learning_rate?: number
  lr_scheduler_type?: ScheduleName
  warmup?: number
  weight_decay?: number
  max_grad_norm?: number
  /** Factor of the learning rate of the embedding; 0 freezes it. */
  embedding_lr?: number
  /** Options of the loss of runs with a teacher. */
  loss?: DistillationOptions
  /** Unlabelled sentences that the teacher scores. */
  transfer?: boolean
  /** Every token learns from the teacher's hidden states. */
  hidden_states?: HiddenStatesOptions
}

const hiddenStatesSettings = ({ weight = 1, loss = 'hidden_mse', max_transfer_texts }: HiddenStatesOptions) => ({
  hidden_states_loss: loss,
  hidden_states_weight: weight,
  ...(max_transfer_texts === undefined ? {} : { hidden_states_max_transfer_texts: max_transfer_texts }),
})

/** What a student is made and trained with, in full, for a table. */
export function completeSettings(
  { config, loss, hidden_states, ...settings }: StudentSettings,
  { teacher, embedding }: { teacher: boolean; embedding?: string | undefined },
) {
  const { hidden_size, num_layers, cell, bidirectional, pooling, ...others } = parseDistilRnnConfig({
    vocab_size: 1,
    ...reportStudent,
    ...config,
  })
  const { embedding_size, dropout, embedding_dropout, head_dropout } = others
  const { label_smoothing, weight, ...soft } = loss ?? {}
  return {
    embedding_size: embedding && config?.embedding_size === undefined ? `that of ${embedding}` : embedding_size,
    ...{ hidden_size, num_layers, cell, bidirectional, pooling },
    ...{ dropout, embedding_dropout, head_dropout },
    ...reportTraining,
    transfer: false,
    ...settings,
    ...(teacher ? { ...reportLoss, ...soft } : {}),
    ...(teacher && hidden_states ? hiddenStatesSettings(hidden_states) : {}),
    ...{ label_smoothing, weight },
  }
}

interface StudentData {
  splits: Splits
  /** Folder of the student's tokenizer. */
  tokenizer: string
  /** FOLDER:TENSOR whose rows the embedding starts from. */
  embedding?: string | undefined
  /** Names under which a file of logits has the splits. */
  names: { train: string; transfer: string }
  transfer: readonly string[]
}

export interface StudentRun {
  history: EpochLog[]
  best: number
  steps: number
  seconds: number
  validation: { accuracy: number; mcc: number; predictions: number[] }
  heldOut: { accuracy: number; mcc: number; predictions: number[] }
}

/** A table of embeddings given as FOLDER:TENSOR, scaled to unit deviation as torch.nn.Embedding's. */
export function tableOf(embedding: string, { freeze = false }: { freeze?: boolean } = {}): EmbeddingTable {
  const at = embedding.lastIndexOf(':')
  const { tensors } = readSafetensorsFile(`${embedding.slice(0, at)}/model.safetensors`)
  const found = tensors.get(embedding.slice(at + 1))
  if (!found)
    throw new Error(`${embedding}: no such tensor; there are ${[...tensors.keys()].slice(0, 5).join(', ')}, ...`)
  return embeddingFrom(found, { scale: 'unit', freeze })
}

export interface StudentRunOptions {
  data: StudentData
  settings: StudentSettings
  teacher?: Teacher | undefined
  seed: number
  device: Device
  output_dir: string
  /** Folder of the teacher's logits and states, for all runs. */
  cache_dir: string
  signal: AbortSignal
  callbacks: Callbacks
}

/** Trains one student; undefined when the signal stopped it. */
export async function trainStudent({
  data,
  settings,
  teacher,
  seed,
  device,
  output_dir,
  cache_dir,
  signal,
  callbacks,
}: StudentRunOptions): Promise<StudentRun | undefined> {
  const { splits, tokenizer, embedding, names, transfer } = data
  const started = performance.now()
  const { embedding_lr, weight_decay, max_grad_norm, hidden_states, ...schedule } = { ...reportTraining, ...settings }
  const table = embedding === undefined ? undefined : tableOf(embedding, { freeze: embedding_lr === 0 })
  const student = await distill({
    student: { ...reportStudent, ...(table ? { embedding_size: table.width } : {}), ...settings.config },
    ...(table ? { embedding: table } : {}),
    ...(teacher ? { teacher, splits: names, cache_dir } : {}),
    tokenizer,
    labels: [0, 1],
    train: splits.train,
    validation: splits.validation,
    transfer: teacher && settings.transfer ? transfer : [],
    heldOut: { heldOut: splits.heldOut.rows },
    loss: { ...reportLoss, ...settings.loss },
    ...(teacher && hidden_states ? { hidden_states } : {}),
    optimizer: adamw({
      weight_decay,
      max_grad_norm,
      ...(embedding_lr === 1 || table?.freeze
        ? {}
        : { groups: [{ params: ['embedding.weight'], lr_scale: embedding_lr }] }),
    }),
    epochs: schedule.epochs,
    batch_size: schedule.batch_size,
    eval_batch_size: schedule.batch_size,
    learning_rate: schedule.learning_rate,
    lr_scheduler_type: schedule.lr_scheduler_type,
    warmup: schedule.warmup,
    seed,
    metric_for_best_model: 'mcc',
    device,
    output_dir,
    resume: true,
    signal,
    callbacks,
  })
  await student.release()
  const { training, evaluation, heldOut } = student
  if (training.stopped === 'aborted') return undefined
  const scored = (rows: readonly LabelledText[], logits: readonly (readonly number[])[]) => {
    const predictions = logits.map(argMax)
    const { accuracy, mcc } = classificationMetrics(
      predictions,
      rows.map(({ label }) => label),
    )
    return { accuracy, mcc, predictions }
  }
  return {
    history: training.history,
    best: training.best?.epoch ?? 0,
    steps: training.history.at(-1)?.step ?? 0,
    seconds: (performance.now() - started) / 1000,
    validation: scored(splits.validation, evaluation?.predictions ?? []),
    heldOut: scored(splits.heldOut.rows, heldOut.heldOut?.predictions ?? []),
  }
}
