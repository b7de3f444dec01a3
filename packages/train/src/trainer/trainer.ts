// The training loop: boilerplate that knows nothing of models. Epochs, evaluation, best weights, checkpoints, exact resume.

import type { Tensor } from '@cola/graph'
import { CheckpointError, FeedError } from '../errors.ts'
import { fileSystem, paths } from '../files/node.ts'
import { schedule as makeSchedule, type ScheduleName } from '../optim/schedule.ts'
import type { Batch } from '../session/feeds.ts'
import type { StepResult, TrainableSession } from '../session/training-session.ts'
import type { Callbacks, EpochLog, Metrics } from './callbacks.ts'
import { type EpochSums, loadCheckpoint, type RunState, saveCheckpoint } from './checkpoint.ts'
import { type JsonlLog, openLog } from './log.ts'
import { byLength, epochOrder, type SamplingStrategy } from './order.ts'

/** Rows and how to make batches of them. */
export interface TrainerData<Row> {
  train: readonly Row[]
  /** Evaluated after each epoch. @default none */
  evaluation?: readonly Row[]
  /** Turns rows into the model's inputs. */
  collate: (rows: readonly Row[]) => Batch
  /** Class of a row, for the metrics; below 0 for a row without one, which no metric counts. Leave out where there are no classes. */
  label?: (row: Row) => number
  /** Real tokens of a row: for the speed in the log, and for batches of like length. */
  tokens?: (row: Row) => number
}

export interface TrainerOptions<Row> {
  session: TrainableSession
  data: TrainerData<Row>
  /** @default 3 */
  epochs?: number
  /** @default 8 */
  batch_size?: number
  /** @default batch_size */
  eval_batch_size?: number
  /** Peak learning rate. @default 5e-5 */
  learning_rate?: number
  /** @default 'linear' */
  lr_scheduler_type?: ScheduleName
  /** Steps of warm-up, or a share of all steps when below 1. @default 0 */
  warmup?: number
  /** Batches whose gradients are averaged for one optimizer step. @default 1 */
  gradient_accumulation_steps?: number
  /** Seed of the data order. @default 42 */
  seed?: number
  /** `group_by_length` makes batches of rows of like length (data.tokens says it), for models that pad. @default 'random' */
  train_sampling_strategy?: SamplingStrategy
  /** Metrics from classes predicted and true. */
  compute_metrics?: (predictions: readonly number[], labels: readonly number[]) => Metrics
  /** Metric that decides the best epoch; `loss` is the evaluation loss, lower is better, others higher. @default 'loss' */
  metric_for_best_model?: string
  /** Stop after this many epochs without a better one. @default never */
  early_stopping_patience?: number
  /** Put the best epoch's weights back at the end. @default true */
  load_best_model_at_end?: boolean
  /** Folder for checkpoint.safetensors, best.safetensors and log.jsonl. @default none is written */
  output_dir?: string
  /** Optimizer steps between checkpoints, beside those at the end of each epoch. @default none */
  save_steps?: number
  /** Go on from output_dir's checkpoint, if there is one. @default false */
  resume?: boolean
  /** Further inputs of a training step: weights of a loss that change, for instance. `step` counts from 0. @default none */
  step_inputs?: (step: { step: number; total_steps: number }) => Batch
  /** Stops the run after the step under way, with a checkpoint. */
  signal?: AbortSignal
  callbacks?: Callbacks
  /** Anything that must be equal for a resume to be the same run: model, data. */
  fingerprint?: string
}

export interface TrainResult {
  history: EpochLog[]
  /** Losses of the optimizer steps of this call. */
  losses: number[]
  best: { epoch: number; value: number } | undefined
  stopped: 'finished' | 'early' | 'aborted'
}

const emptySums = (): EpochSums => ({ loss: 0, rows: 0, predictions: [], labels: [] })

/** Fine-tunes with a {@link TrainableSession}; option names are transformers' TrainingArguments'. */
export class Trainer<Row> {
  readonly #options: Required<
    Pick<
      TrainerOptions<Row>,
      | 'epochs'
      | 'batch_size'
      | 'eval_batch_size'
      | 'learning_rate'
      | 'gradient_accumulation_steps'
      | 'seed'
      | 'metric_for_best_model'
      | 'load_best_model_at_end'
    >
  > &
    TrainerOptions<Row>
  #state: RunState
  #best: Map<string, Tensor> | undefined
  #log: JsonlLog | undefined

  /** @throws {FeedError} when there is nothing to train on or an option makes no sense. */
  constructor(options: TrainerOptions<Row>) {
    const batch_size = options.batch_size ?? 8
    this.#options = {
      epochs: 3,
      learning_rate: 5e-5,
      gradient_accumulation_steps: 1,
      seed: 42,
      metric_for_best_model: 'loss',
      load_best_model_at_end: true,
      ...options,
      batch_size,
      eval_batch_size: options.eval_batch_size ?? batch_size,
    }
    if (options.data.train.length === 0) throw new FeedError({ where: 'data.train', what: 'the dataset is empty', expected: 'at least one row', found: '0' })
    for (const name of ['epochs', 'batch_size', 'eval_batch_size', 'gradient_accumulation_steps'] as const) {
      const value = this.#options[name]
      if (!Number.isInteger(value) || value < 1)
        throw new FeedError({ where: `option ${name}`, what: 'must be a whole number of at least 1', found: String(value) })
    }
    this.#state = { version: 1, fingerprint: this.#fingerprint(), step: 0, batches: 0, epoch: 0, batch: 0, epochSums: emptySums(), history: [] }
  }

  /** Optimizer steps of the whole run. */
  get totalSteps(): number {
    return this.#stepsPerEpoch() * this.#options.epochs
  }

  /**
   * Trains to the end, to an early stop, or until the signal fires; a run killed at any moment and resumed
   * gives the same losses and weights, bit for bit, as one that was not.
   * @throws {NonFiniteLossError | FeedError | FileError | CheckpointError}
   */
  async train(): Promise<TrainResult> {
    const { callbacks, epochs, signal } = this.#options
    if (this.#options.resume) this.#resume()
    this.#log = this.#file('log.jsonl', (path) => openLog(path, this.#state.step))
    callbacks?.onTrainBegin?.({ total_steps: this.totalSteps, resumed_from: this.#state.step })
    const losses: number[] = []
    let stopped: TrainResult['stopped'] = 'finished'
    while (this.#state.epoch < epochs) {
      if (!(await this.#trainEpoch(losses))) {
        stopped = 'aborted'
        break
      }
      await this.#endEpoch()
      if (this.#outOfPatience()) {
        stopped = 'early'
        break
      }
      if (signal?.aborted && this.#state.epoch < epochs) {
        stopped = 'aborted'
        break
      }
    }
    if (stopped !== 'aborted' && this.#options.load_best_model_at_end && this.#best) await this.#options.session.setParameters(this.#best)
    callbacks?.onTrainEnd?.({ step: this.#state.step, stopped })
    return { history: this.#state.history, losses, best: this.#state.best, stopped }
  }

  /** Loss, metrics and classes of rows, without training; in the order given. */
  async evaluate(rows: readonly Row[]): Promise<{ loss: number; metrics: Metrics; predictions: number[]; logits: Float32Array }> {
    const { data, session, eval_batch_size, train_sampling_strategy } = this.#options
    const places = rows.map((_, i) => i)
    const order = train_sampling_strategy === 'group_by_length' ? byLength(places, (row) => data.tokens?.(rows[row] as Row) ?? 0) : places
    const sums = emptySums()
    let logits = new Float32Array()
    for (let at = 0; at < rows.length; at += eval_batch_size) {
      const part = order.slice(at, at + eval_batch_size)
      const result = await session.runEvalStep(data.collate(part.map((place) => rows[place] as Row)))
      sums.loss += result.loss * part.length
      sums.rows += part.length
      const own = data.label && Object.values(result.outputs)[0]?.data
      if (!own) continue
      const classes = own.length / part.length
      if (at === 0) logits = new Float32Array(rows.length * classes)
      part.forEach((place, i) => {
        logits.set(own.subarray(i * classes, (i + 1) * classes), place * classes)
      })
    }
    this.#classify(sums, rows, logits)
    return { loss: sums.loss / sums.rows, metrics: this.#metrics(sums), predictions: sums.predictions, logits }
  }

  /** Runs what is left of the epoch; false when the signal stopped it. */
  async #trainEpoch(losses: number[]): Promise<boolean> {
    const { data, session, batch_size, gradient_accumulation_steps: accumulation, seed, signal, save_steps, callbacks, step_inputs } = this.#options
    const { train_sampling_strategy: strategy = 'random' } = this.#options
    const length = (row: number) => data.tokens?.(data.train[row] as Row) ?? 0
    const order = epochOrder(data.train.length, { seed, epoch: this.#state.epoch, batch_size, strategy, length })
    const rate = this.#schedule()
    while (this.#state.batch * batch_size < order.length) {
      if (signal?.aborted) {
        await this.#save()
        return false
      }
      const started = performance.now()
      const step = { loss: 0, tokens: 0, batches: 0 }
      session.lazyResetGrad()
      while (step.batches < accumulation && this.#state.batch * batch_size < order.length) {
        const rows = order.slice(this.#state.batch * batch_size, (this.#state.batch + 1) * batch_size).map((i) => data.train[i] as Row)
        session.seekDropout(this.#state.batches)
        const result = await session.runTrainStep({ ...data.collate(rows), ...step_inputs?.({ step: this.#state.step, total_steps: this.totalSteps }) })
        this.#add(this.#state.epochSums, rows, result)
        step.loss += result.loss
        step.tokens += rows.reduce((sum, row) => sum + (data.tokens?.(row) ?? 0), 0)
        step.batches++
        this.#state.batch++
        this.#state.batches++
      }
      const learning_rate = rate(this.#state.step)
      await session.runOptimizerStep({ learningRate: learning_rate })
      this.#state.step++
      const seconds = (performance.now() - started) / 1000
      const log = {
        event: 'step' as const,
        step: this.#state.step,
        epoch: this.#state.epoch + 1,
        total_steps: this.totalSteps,
        loss: step.loss / step.batches,
        learning_rate,
        tokens: step.tokens,
        tokens_per_second: step.tokens / seconds,
      }
      losses.push(log.loss)
      this.#log?.write(log)
      callbacks?.onStep?.(log)
      if (save_steps && this.#state.step % save_steps === 0) await this.#save()
    }
    return true
  }

  async #endEpoch(): Promise<void> {
    const { data, callbacks, metric_for_best_model: metric } = this.#options
    const sums = this.#state.epochSums
    const evaluation = data.evaluation?.length ? await this.evaluate(data.evaluation) : undefined
    const eval_loss = evaluation?.loss ?? sums.loss / sums.rows
    const eval_metrics = evaluation?.metrics ?? {}
    const value = metric === 'loss' ? -eval_loss : eval_metrics[metric]
    if (value === undefined)
      throw new FeedError({
        where: 'option metric_for_best_model',
        what: 'no such metric',
        expected: ['loss', ...Object.keys(eval_metrics)].join(', '),
        found: metric,
      })
    const best = !this.#state.best || value > this.#state.best.value
    const log: EpochLog = {
      event: 'epoch',
      epoch: this.#state.epoch + 1,
      step: this.#state.step,
      train_loss: sums.loss / sums.rows,
      train_metrics: this.#metrics(sums),
      eval_loss,
      eval_metrics,
      best,
    }
    this.#warnOfCollapse(evaluation?.predictions ?? [])
    if (best) {
      this.#state.best = { epoch: log.epoch, value }
      this.#best = await this.#options.session.getParameters()
    }
    this.#state.history.push(log)
    this.#state.epoch++
    this.#state.batch = 0
    this.#state.epochSums = emptySums()
    if (best) this.#file('best.safetensors', (path) => saveCheckpoint(path, this.#best as Map<string, Tensor>, this.#state))
    await this.#save()
    this.#log?.write(log)
    callbacks?.onEpoch?.(log)
  }

  /** Adds a batch to sums. */
  #add(sums: EpochSums, rows: readonly Row[], { loss, outputs }: StepResult): void {
    sums.loss += loss * rows.length
    sums.rows += rows.length
    this.#classify(sums, rows, Object.values(outputs)[0]?.data ?? new Float32Array())
  }

  /** Adds the classes of rows that have one. */
  #classify(sums: EpochSums, rows: readonly Row[], logits: Float32Array): void {
    const { label } = this.#options.data
    if (!label || logits.length === 0) return
    const predicted = argMaxRows(logits, logits.length / rows.length)
    rows.forEach((row, i) => {
      if (label(row) < 0) return
      sums.predictions.push(predicted[i] as number)
      sums.labels.push(label(row))
    })
  }

  #metrics({ predictions, labels }: EpochSums): Metrics {
    return this.#options.data.label ? (this.#options.compute_metrics?.(predictions, labels) ?? {}) : {}
  }

  #warnOfCollapse(predictions: readonly number[]): void {
    if (predictions.length < 10 || new Set(predictions).size > 1) return
    const warning = {
      event: 'warning' as const,
      step: this.#state.step,
      message: `all ${predictions.length} evaluation rows are predicted as class ${predictions[0]}: the classifier has collapsed; try a lower learning rate or a longer warm-up`,
    }
    this.#log?.write(warning)
    this.#options.callbacks?.onWarning?.(warning)
  }

  #outOfPatience(): boolean {
    const { early_stopping_patience: patience } = this.#options
    return patience !== undefined && this.#state.best !== undefined && this.#state.epoch - this.#state.best.epoch >= patience
  }

  #stepsPerEpoch(): number {
    const { data, batch_size, gradient_accumulation_steps } = this.#options
    return Math.ceil(Math.ceil(data.train.length / batch_size) / gradient_accumulation_steps)
  }

  #schedule(): (step: number) => number {
    const { learning_rate, lr_scheduler_type = 'linear', warmup = 0 } = this.#options
    const total_steps = this.totalSteps
    const factor = makeSchedule(lr_scheduler_type, { total_steps, warmup_steps: warmup < 1 ? Math.ceil(warmup * total_steps) : warmup })
    return (step) => learning_rate * factor(step)
  }

  #fingerprint(): string {
    const {
      session,
      epochs,
      batch_size,
      learning_rate,
      lr_scheduler_type = 'linear',
      warmup = 0,
      gradient_accumulation_steps,
      seed,
      train_sampling_strategy = 'random',
      data,
      fingerprint = '',
    } = this.#options
    return JSON.stringify([
      fingerprint,
      session.getParametersSize(),
      epochs,
      batch_size,
      learning_rate,
      lr_scheduler_type,
      warmup,
      gradient_accumulation_steps,
      seed,
      train_sampling_strategy,
      data.train.length,
    ])
  }

  async #save(): Promise<void> {
    const { output_dir, session, callbacks } = this.#options
    if (output_dir === undefined) return
    const { tensors } = await session.getState()
    this.#file('checkpoint.safetensors', (path) => {
      saveCheckpoint(path, tensors, this.#state)
      callbacks?.onSave?.({ path, step: this.#state.step })
    })
  }

  #resume(): void {
    this.#file('checkpoint.safetensors', (path) => {
      if (!fileSystem().existsSync(path)) return
      const { tensors, state } = loadCheckpoint(path)
      if (state.fingerprint !== this.#fingerprint())
        throw new CheckpointError({
          where: path,
          what: 'it belongs to another run',
          expected: this.#fingerprint(),
          found: state.fingerprint,
          fix: 'Resume with the same options, or choose another output folder.',
        })
      this.#options.session.setState({ tensors, step: state.step })
      this.#state = state
      this.#file('best.safetensors', (best) => {
        if (state.best && fileSystem().existsSync(best)) this.#best = loadCheckpoint(best).tensors
      })
    })
  }

  #file<Result>(name: string, use: (path: string) => Result): Result | undefined {
    const { output_dir } = this.#options
    return output_dir === undefined ? undefined : use(paths().join(output_dir, name))
  }
}

function argMaxRows(data: Float32Array, classes: number): number[] {
  return Array.from({ length: data.length / classes }, (_, row) => {
    const scores = data.subarray(row * classes, (row + 1) * classes)
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)))
  })
}
