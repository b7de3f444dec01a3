// The training loop: epochs, evaluation, the best weights, checkpoints and exact resume.

import { type FileStore, type Lock, placeOf } from '@cola/data'
import type { Tensor } from '@cola/graph'
import { ConfigError, DeviceLostError } from '../errors.ts'
import { storeOf } from '../files/files.ts'
import { hasFired } from '../runtime/has-fired.ts'
import { Calls } from '../session/calls.ts'
import { addCounts, lossCounts } from '../session/loss-counts.ts'
import { addMeans, meanOf, type TermSum } from '../session/loss-means.ts'
import type { StepResult } from '../session/step-result.ts'
import { epochsWithoutBetter, isBetter, isLoss, metricOf } from './best-epoch.ts'
import type { EpochLog, Metrics } from './callbacks.ts'
import {
  type BestEpoch,
  bestFile,
  checkpointFile,
  type EpochSums,
  type RunState,
  saveCheckpoint,
} from './checkpoint.ts'
import { type JsonlLog, openLog } from './jsonl-log.ts'
import { evaluateRows, onePerRow } from './evaluate-rows.ts'
import { runIdentity } from './run-fingerprint.ts'
import { lockRun } from './run-lock.ts'
import { checkRows, readOptions } from './read-options.ts'
import type { Settings, TrainerOptions } from './trainer-options.ts'
import { learningRates, rowOrder, stepBatches, totalSteps, warmupDoubts } from './run-plan.ts'

/** The result of {@link Trainer.train}. */
export interface TrainResult {
  history: EpochLog[]
  /**
   * Losses of the optimizer steps of this call. Those before a resume are in `log.jsonl` of `output_dir`; `history` has all
   * epochs.
   */
  losses: number[]
  /** The best epoch and its value of `metric_for_best_model`; undefined if that was NaN in every epoch. */
  best: BestEpoch | undefined
  stopped: 'finished' | 'early' | 'aborted'
}

/** Scores of rows. */
export interface Evaluation<Prediction = unknown> {
  /** Mean loss. */
  loss: number
  metrics: Metrics
  /** One per row, in order; empty without the option `predict`. */
  predictions: Prediction[]
  /** Warnings of `compute_metrics`, such as a score that is undefined. */
  warnings: string[]
}

/** What differs between warnings of one kind: lists of names and numbers. */
const namesOrNumbers = /("[^"]*"|\d+|\.{3})(, )?/g

const emptySums = (): EpochSums => ({ terms: [], predictions: [], rows: [] })

/** Fine-tunes with a {@link TrainableSession}; option names are transformers' TrainingArguments'. */
export class Trainer<Row, Prediction = unknown> {
  readonly #options: Settings<Row, Prediction>
  readonly #calls = new Calls('Trainer')
  #state: RunState
  #best: Map<string, Tensor> | undefined
  readonly #told = new Set<string>()
  #log: JsonlLog | undefined
  readonly #store: FileStore | undefined
  #lock: Lock | undefined

  /**
   * @throws {ConfigError} for an option that is unknown, out of its range, or in contradiction to another.
   * @throws {FeedError} when there are no training rows.
   */
  constructor(options: TrainerOptions<Row, Prediction>) {
    this.#options = readOptions(options)
    const { output_dir } = this.#options
    this.#store = output_dir === undefined ? undefined : storeOf(output_dir)
    this.#state = {
      version: 2,
      fingerprint: '',
      step: 0,
      batches: 0,
      epoch: 0,
      batch: 0,
      epochSums: emptySums(),
      history: [],
    }
  }

  /** Optimizer steps of the whole run. */
  get totalSteps(): number {
    return totalSteps(this.#options)
  }

  /**
   * Trains to the end, to an early stop, or until the signal fires. A run that is killed at any moment and resumed
   * gives the same losses and weights, bit for bit, as an uninterrupted run. A run that is not resumed replaces the
   * checkpoint of an earlier one in its folder before the first step.
   * @throws {FeedError} before the first step, when a row has a label that is not a class; for a batch that does not
   * fit.
   * @throws {NonFiniteLossError | FileError | CheckpointError} A FileError too while another run writes to output_dir.
   * @throws {SessionError} while another `train` of this Trainer runs.
   */
  async train(): Promise<TrainResult> {
    return this.#calls.change('train', () => this.#locked(() => this.#train()))
  }

  /** Runs with the lock of the store, if there is one. */
  async #locked<Result>(run: () => Promise<Result>): Promise<Result> {
    const { output_dir } = this.#options
    if (!this.#store || output_dir === undefined) return run()
    const lock = await lockRun(this.#store, output_dir)
    this.#lock = lock
    try {
      return await run()
    } finally {
      lock.release()
    }
  }

  async #train(): Promise<TrainResult> {
    const { callbacks, data, signal } = this.#options
    await checkRows(this.#options, 'data.train', data.train)
    await checkRows(this.#options, 'data.evaluation', data.evaluation ?? [])
    if (this.#store) {
      const model = await this.#options.session.getFingerprint()
      Object.assign(this.#state, runIdentity(model, this.#options))
    }
    if (this.#options.resume) await this.#resume()
    await this.#requireMetric()
    await this.#replaceOtherRun()
    this.#log = this.#store && openLog(this.#store, 'log.jsonl', this.#state)
    await callbacks?.onTrainBegin?.({ total_steps: this.totalSteps, resumed_from: this.#state.step })
    for (const message of warmupDoubts(this.#options)) this.#warn(message)
    const losses: number[] = []
    let stopped: TrainResult['stopped'] | undefined = this.#stopReason()
    const resumed: number[] = []
    while (!stopped) {
      try {
        if (!(await this.#trainEpoch(losses))) stopped = 'aborted'
        else {
          await this.#endEpoch()
          stopped = this.#stopReason() ?? (signal?.aborted ? 'aborted' : undefined)
        }
      } catch (error) {
        if (!(error instanceof DeviceLostError)) throw error
        await this.#recover(error, losses, resumed)
        resumed.push(this.#state.step)
      }
    }
    if (stopped !== 'aborted') await this.#restoreBest()
    await callbacks?.onTrainEnd?.({ step: this.#state.step, stopped })
    return { history: this.#state.history, losses, best: this.#state.best, stopped }
  }

  /**
   * Loss, metrics and predictions (in the order of the rows), without training. The loss is the mean over all rows (or
   * labels), independent of the batch size.
   * @throws {FeedError} for no rows, or for a label that is not a class, naming the row.
   */
  async evaluate(rows: readonly Row[]): Promise<Evaluation<Prediction>> {
    await checkRows(this.#options, 'evaluate', rows)
    return this.#evaluate(rows)
  }

  async #evaluate(rows: readonly Row[]): Promise<Evaluation<Prediction>> {
    const { loss, predictions } = await this.#run(rows)
    const warnings: string[] = []
    const metrics = await this.#metrics(rows, predictions, loss, (message) => warnings.push(message))
    return { loss, metrics, predictions, warnings }
  }

  #run(rows: readonly Row[]): Promise<{ loss: number; predictions: Prediction[] }> {
    const { data, session, eval_batch_size, predict } = this.#options
    return evaluateRows(session, rows, {
      collate: data.collate,
      tokens: data.tokens,
      predict,
      batch_size: eval_batch_size,
    })
  }

  async #metrics(
    rows: readonly Row[],
    predictions: readonly Prediction[],
    loss: number,
    onWarning: (message: string) => void,
  ): Promise<Metrics> {
    return (await this.#options.compute_metrics?.({ rows, predictions, loss, onWarning })) ?? {}
  }

  /** @throws {ConfigError} when `metric_for_best_model` is not among the metrics of `compute_metrics` for one batch. */
  async #requireMetric(): Promise<void> {
    const { data, metric_for_best_model: metric, eval_batch_size, compute_metrics } = this.#options
    if (isLoss(metric) || !compute_metrics || this.#state.history.length > 0) return
    const rows = (data.evaluation ?? []).slice(0, eval_batch_size)
    const { loss, predictions } = await this.#run(rows)
    let metrics: Metrics
    try {
      metrics = await this.#metrics(rows, predictions, loss, () => undefined)
    } catch (cause) {
      if (cause instanceof ConfigError) throw cause
      const found = (cause as Error).message
      const where = 'Trainer, option compute_metrics'
      throw new ConfigError({ where, what: 'it fails on the first evaluation rows', found }, { cause })
    }
    metricOf(metric, loss, metrics)
  }

  /** Trains the rest of the epoch; false when the signal stopped it. */
  async #trainEpoch(losses: number[]): Promise<boolean> {
    const { data, session, batch_size, signal, save_steps, callbacks } = this.#options
    const order = rowOrder(this.#options, this.#state.epoch)
    const rateAt = learningRates(this.#options)
    while (this.#state.batch * batch_size < order.length && this.#state.step < this.totalSteps) {
      if (await hasFired(signal)) {
        await this.#save()
        return false
      }
      const start = performance.now()
      const batches = stepBatches(this.#options, order, this.#state)
      const window = addCounts(batches.map(({ batch }) => lossCounts(session.lossTerms, batch)))
      let terms: readonly TermSum[] = []
      const outputs = this.#options.predict !== undefined && this.#options.train_metrics
      session.lazyResetGrad()
      for (const { rows, indices, batch } of batches) {
        session.seekDropout(this.#state.batches)
        const result = await session.runTrainStep(batch, { window, outputs })
        this.#addResult(rows, indices, result)
        terms = addMeans(terms, result.terms)
        this.#state.batch++
        this.#state.batches++
      }
      const tokens = batches.flatMap(({ rows }) => rows).reduce((sum, row) => sum + (data.tokens?.(row) ?? 0), 0)
      const rate = rateAt(this.#state.step)
      await session.runOptimizerStep({ learningRate: rate })
      this.#state.step++
      const seconds = (performance.now() - start) / 1000
      const log = {
        event: 'step' as const,
        step: this.#state.step,
        epoch: this.#state.epoch + 1,
        total_steps: this.totalSteps,
        loss: meanOf(terms),
        learning_rate: rate,
        tokens,
        tokens_per_second: tokens / seconds,
      }
      losses.push(log.loss)
      this.#log?.write(log)
      this.#lock?.touch()
      await callbacks?.onStep?.(log)
      if (save_steps && this.#state.step % save_steps === 0) await this.#save()
    }
    return true
  }

  /** Evaluates and ends the epoch. If that fails, the epoch's steps are saved, and a resumed run evaluates again. */
  async #endEpoch(): Promise<void> {
    const { data, callbacks, metric_for_best_model: metric, greater_is_better } = this.#options
    const sums = this.#state.epochSums
    let evaluation: Evaluation<Prediction> | undefined
    try {
      evaluation = data.evaluation?.length ? await this.#evaluate(data.evaluation) : undefined
    } catch (error) {
      await this.#save()
      throw error
    }
    const train_loss = meanOf(sums.terms)
    const eval_metrics = evaluation?.metrics ?? {}
    const value = metricOf(metric, evaluation?.loss ?? train_loss, eval_metrics)
    const best = isBetter(value, this.#state.best, greater_is_better)
    const log: EpochLog = {
      event: 'epoch',
      epoch: this.#state.epoch + 1,
      step: this.#state.step,
      train_loss,
      train_metrics: await this.#trainMetrics(sums, train_loss),
      ...(evaluation ? { eval_loss: evaluation.loss } : {}),
      eval_metrics,
      best,
    }
    for (const message of evaluation?.warnings ?? []) this.#warnOnce(message)
    if (best) {
      this.#state.best = { epoch: log.epoch, value }
      this.#best = await this.#options.session.getParameters()
    }
    this.#state.history.push(log)
    this.#state.epoch++
    this.#state.batch = 0
    this.#state.epochSums = emptySums()
    if (best && this.#store) saveCheckpoint(this.#store, this.#best as Map<string, Tensor>, this.#state, bestFile)
    await this.#save()
    this.#log?.write(log)
    await this.#flush()
    await callbacks?.onEpoch?.(log)
  }

  /** Adds the result of a training batch to the epoch's sums. */
  #addResult(rows: readonly Row[], indices: readonly number[], { terms, outputs }: StepResult): void {
    const { predict, train_metrics } = this.#options
    const sums = this.#state.epochSums
    sums.terms = addMeans(sums.terms, terms)
    if (!predict || !train_metrics) return
    sums.predictions.push(...onePerRow(predict(outputs, rows), rows.length))
    sums.rows.push(...indices)
  }

  async #trainMetrics({ predictions, rows }: EpochSums, loss: number): Promise<Metrics> {
    const { data, predict, train_metrics } = this.#options
    if (!train_metrics) return {}
    const scored = predict ? rows.map((index) => data.train[index] as Row) : data.train
    return this.#metrics(scored, predictions as Prediction[], loss, () => undefined)
  }

  /** Warns of scores, which may be undefined in each epoch, of other rows or classes. */
  #warnOnce(message: string): void {
    const kind = message.replace(namesOrNumbers, '')
    if (this.#told.has(kind)) return
    this.#told.add(kind)
    this.#warn(message)
  }

  #warn(message: string): void {
    const warning = { event: 'warning' as const, step: this.#state.step, message }
    this.#log?.write(warning)
    this.#options.callbacks?.onWarning?.(warning)
  }

  /** Why the run ended; undefined if it has not. */
  #stopReason(): 'early' | 'finished' | undefined {
    const { early_stopping_patience: patience, metric_for_best_model: metric } = this.#options
    const { history, best, batch, step } = this.#state
    if (patience !== undefined && epochsWithoutBetter(history, best, metric) >= patience) return 'early'
    // A run that is resumed may have its last epoch still to evaluate.
    return batch === 0 && step >= this.totalSteps ? 'finished' : undefined
  }

  async #restoreBest(): Promise<void> {
    const { load_best_model_at_end, metric_for_best_model: metric, session } = this.#options
    if (!load_best_model_at_end) return
    if (this.#best) await session.setParameters(this.#best)
    else this.#warn(`"${metric}" was NaN in every epoch: none is the best, and the last weights are kept`)
  }

  /** A run that dies before its first save must not be resumed from the checkpoint of the run before it. */
  async #replaceOtherRun(): Promise<void> {
    if (!this.#options.resume && this.#store?.has(checkpointFile)) await this.#write(this.#store)
  }

  async #write(store: FileStore): Promise<void> {
    const { tensors } = await this.#options.session.getState()
    saveCheckpoint(store, tensors, this.#state)
    await this.#flush()
  }

  async #save(): Promise<void> {
    const { callbacks } = this.#options
    if (!this.#store) return
    await this.#write(this.#store)
    await callbacks?.onSave?.({ path: placeOf(this.#store, checkpointFile), step: this.#state.step })
  }

  async #flush(): Promise<void> {
    this.#log?.save()
    await this.#store?.flush?.()
  }

  /**
   * Continues from the last checkpoint after the loss of the device.
   * @param resumed The steps of the checkpoints from which it continued before.
   * @throws what `recover` throws.
   */
  async #recover(error: DeviceLostError, losses: number[], resumed: readonly number[]): Promise<void> {
    const { step } = this.#state
    const { goesOn, recover } = await import('./recover.ts')
    await recover({ error, step, resumed, store: this.#store, session: this.#options.session })
    await this.#resume()
    losses.length = Math.max(0, losses.length - (step - this.#state.step))
    this.#log = this.#store && openLog(this.#store, 'log.jsonl', this.#state)
    this.#warn(goesOn(step, this.#state.step))
  }

  /** Goes on from the checkpoint of a store, if it has one. */
  async #resume(): Promise<void> {
    if (!this.#store?.has(checkpointFile)) return
    const { savedRun } = await import('./saved-run.ts')
    const { tensors, state, best } = savedRun(this.#store, this.#state)
    this.#options.session.setState({ tensors, step: state.step })
    this.#state = { ...state, ...(this.#state.parts ? { parts: this.#state.parts } : {}) }
    this.#best = best
  }
}
