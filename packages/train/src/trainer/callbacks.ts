// Callbacks of a run and the log entries that they receive. The library itself never prints.

/** What is known after an optimizer step. */
export interface StepLog {
  event: 'step'
  /** Optimizer steps taken, from 1. */
  step: number
  epoch: number
  total_steps: number
  loss: number
  learning_rate: number
  /** Tokens of the step without padding; 0 if `data.tokens` is not set. */
  tokens: number
  tokens_per_second: number
}

/** What is known after an epoch. */
export interface EpochLog {
  event: 'epoch'
  epoch: number
  step: number
  train_loss: number
  train_metrics: Metrics
  /** Loss of the evaluation rows; without them there is none. */
  eval_loss?: number
  /** Scores of the evaluation rows; without them, none. */
  eval_metrics: Metrics
  /** Whether this is the best epoch so far. */
  best: boolean
}

/** Scores by name. */
export type Metrics = Readonly<Record<string, number>>

/** A warning for people, such as an undefined score. */
export interface WarningLog {
  event: 'warning'
  step: number
  message: string
}

/** Functions that the Trainer calls while it runs. It waits for promises that they return, but those of onWarning. */
export interface Callbacks {
  /** Before the first step; `resumed_from` is the step of the checkpoint, or 0. */
  onTrainBegin?: (info: { total_steps: number; resumed_from: number }) => unknown
  /**
   * After each optimizer step. A promise lets a run pause, or, in a browser's worker, messages in between the steps, which
   * follow each other without a turn of its event loop.
   */
  onStep?: (log: StepLog) => unknown
  /** After each epoch and its evaluation. */
  onEpoch?: (log: EpochLog) => unknown
  /** For what people should know. */
  onWarning?: (log: WarningLog) => void
  /** After a checkpoint has been written. */
  onSave?: (info: { path: string; step: number }) => unknown
  /** After the last step. */
  onTrainEnd?: (info: { step: number; stopped: 'finished' | 'early' | 'aborted' }) => unknown
}
