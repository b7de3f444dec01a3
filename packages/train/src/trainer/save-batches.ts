// Writes a run's batches to files, for machines that run the artifacts without JavaScript (integrations/ray): what each
// step reads, its learning rate, and by what its losses are weighted.

import type { FileSink } from '@cola/data'
import type { Graph } from '@cola/graph'
import { artifactsFingerprint } from '../artifacts/fingerprints.ts'
import { batchInputs, maskShapes, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { sinkOf, writeJson } from '../files/files.ts'
import { callable, type Checks, checkOptions, checkValue, integer, list, object, whole } from '@cola/graph/options'
import { type Batch, feedsOf } from '../session/feeds.ts'
import { addCounts, lossCounts } from '../session/loss-counts.ts'
import type { TrainableSession } from '../session/training-session.ts'
import { type BatchPlace, batchWriter } from './batch-files.ts'
import { checkRows, loopChecks, readOptions } from './read-options.ts'
import { runFingerprint } from './run-fingerprint.ts'
import { learningRates, rowOrder, stepBatches, totalSteps } from './run-plan.ts'
import type { TrainerOptions } from './trainer-options.ts'

/** Options of {@link saveBatches}: those of the Trainer that decide what a step computes, under the same names. */
export interface SaveBatchesOptions<Row>
  extends Pick<
    TrainerOptions<Row, never>,
    | 'data'
    | 'epochs'
    | 'max_steps'
    | 'batch_size'
    | 'gradient_accumulation_steps'
    | 'learning_rate'
    | 'lr_scheduler_type'
    | 'warmup'
    | 'seed'
    | 'train_sampling_strategy'
    | 'stepInputs'
  > {
  artifacts: TrainingArtifacts
  /** Seed of the dropout masks: the TrainingSession's option `seed`. @default 0 */
  dropoutSeed?: number
  /** Bytes of a file of batches. @default 64 MB */
  max_file_size?: number
}

/** Options of {@link saveRows}. */
export interface SaveRowsOptions<Row> {
  rows: readonly Row[]
  /** Turns rows into the model's inputs. */
  collate: (rows: readonly Row[]) => Batch
  /** Rows of a batch. @default 32 */
  batch_size?: number
  /** Bytes of a file of batches. @default 64 MB */
  max_file_size?: number
}

/** A batch of a plan: a part of an optimizer step. */
interface PlannedBatch extends BatchPlace {
  /** Count of each term of the loss. */
  counts: number[]
  /** Index of the shapes of its dropout masks in the plan's `maskShapes`. */
  masks?: number
}

/** An optimizer step of a plan. */
interface PlannedStep {
  /** From 0. */
  epoch: number
  learning_rate: number
  /** Sums of the batches' counts. */
  window: number[]
  batches: PlannedBatch[]
}

/** Name of the file that says what is in the others. */
const planFile = 'batches.json'
const defaultFileSize = 64e6

const { epochs, max_steps, batch_size, gradient_accumulation_steps, learning_rate, lr_scheduler_type } = loopChecks
const { warmup, seed, train_sampling_strategy } = loopChecks
const checks: Checks<SaveBatchesOptions<never>> = {
  artifacts: object,
  data: object,
  epochs,
  max_steps,
  batch_size,
  gradient_accumulation_steps,
  learning_rate,
  lr_scheduler_type,
  warmup,
  seed,
  train_sampling_strategy,
  stepInputs: callable,
  dropoutSeed: integer,
  max_file_size: whole(1),
}
const rowChecks: Checks<SaveRowsOptions<never>> = {
  rows: list,
  collate: callable,
  batch_size: whole(1),
  max_file_size: whole(1),
}

/**
 * Writes every batch that a Trainer with these options would run, in its order, to safetensors files, and the steps to
 * `batches.json`: learning rates, counts of the loss's terms, shapes of the dropout masks. Each optimizer step has
 * `gradient_accumulation_steps` batches of `batch_size` rows, which workers share; their product is the global batch.
 * @param target A folder, or a sink.
 * @returns The number of optimizer steps and of batches.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 * @throws {FeedError} for no rows, a label that is no class, or a batch that does not fit the model.
 * @throws {FileError} when the folder cannot be written.
 */
export async function saveBatches<Row>(
  target: string | FileSink,
  options: SaveBatchesOptions<Row>,
): Promise<{ steps: number; batches: number }> {
  checkOptions('saveBatches', options, checks)
  checkValue('saveBatches, option artifacts', options.artifacts, object)
  const sink = sinkOf(target)
  const { artifacts, dropoutSeed = 0, max_file_size = defaultFileSize, ...loop } = options
  const session = { lossTerms: artifacts.lossTerms } as TrainableSession
  const settings = readOptions<Row, never>({ ...loop, session })
  const { data } = settings
  await checkRows(settings, 'data.train', data.train)
  const writer = batchWriter(sink, max_file_size)
  const inputs = batchInputs(artifacts)
  const rateAt = learningRates(settings)
  const shapes = new Map<string, number>()
  const planned = (batch: Batch): PlannedBatch => {
    const { symbols } = feedsOf(artifacts.trainingModel, inputs, batch)
    const masks = maskShapes(artifacts, symbols)
    const counts = lossCounts(artifacts.lossTerms, batch)
    return { ...writer.add(batch, inputs), counts, ...(masks.length ? { masks: indexIn(shapes, masks) } : {}) }
  }
  const steps: PlannedStep[] = []
  const total = totalSteps(settings)
  for (let epoch = 0; steps.length < total; epoch++) {
    const order = rowOrder(settings, epoch)
    for (let batch = 0; batch * settings.batch_size < order.length && steps.length < total; ) {
      const step = steps.length
      const batches = stepBatches(settings, order, { step, batch }).map((one) => planned(one.batch))
      const window = addCounts(batches.map(({ counts }) => counts))
      steps.push({ epoch, learning_rate: rateAt(step), window, batches })
      batch += batches.length
    }
  }
  writer.end()
  writeJson(sink, planFile, {
    version: 1,
    kind: 'training',
    fingerprint: runFingerprint(artifactsFingerprint(artifacts), settings),
    total_steps: total,
    epochs: (steps.at(-1) as PlannedStep).epoch + 1,
    dropoutSeed,
    maskShapes: [...shapes.keys()].map((text) => JSON.parse(text) as number[][]),
    steps,
  })
  return { steps: steps.length, batches: steps.reduce((sum, { batches }) => sum + batches.length, 0) }
}

/**
 * Writes rows in their order as batches for a model that is only run, such as a teacher: safetensors files and
 * `batches.json`.
 * @param target A folder, or a sink.
 * @param graph The model that will run: its inputs are written.
 * @returns The number of batches.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 * @throws {FeedError} for a batch that does not fit the model.
 * @throws {FileError} when the folder cannot be written.
 */
export function saveRows<Row>(
  target: string | FileSink,
  graph: Graph,
  options: SaveRowsOptions<Row>,
): { batches: number } {
  checkOptions('saveRows', options, rowChecks)
  checkValue('saveRows, option rows', options.rows, list)
  checkValue('saveRows, option collate', options.collate, callable)
  const { rows, collate, batch_size = 32, max_file_size = defaultFileSize } = options
  const sink = sinkOf(target)
  const writer = batchWriter(sink, max_file_size)
  const batches = Array.from({ length: Math.ceil(rows.length / batch_size) }, (_, i) => {
    const part = rows.slice(i * batch_size, (i + 1) * batch_size)
    const batch = collate(part)
    feedsOf(graph, graph.inputs, batch)
    return { ...writer.add(batch, graph.inputs), rows: part.length }
  })
  writer.end()
  writeJson(sink, planFile, { version: 1, kind: 'rows', rows: rows.length, batches })
  return { batches: batches.length }
}

/** The index of a value among those seen so far, to which it is added. */
function indexIn(seen: Map<string, number>, value: unknown): number {
  const text = JSON.stringify(value)
  const index = seen.get(text) ?? seen.size
  seen.set(text, index)
  return index
}
