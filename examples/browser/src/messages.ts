// What the page and its worker say to each other.

import type { PlainError } from '@cola/train'
import type { SampleName } from './samples.ts'
import type { DeviceReport } from './worker/device.ts'

export interface Row {
  text: string
  label: string
}

/** Where the base model comes from. */
export type ModelChoice =
  | { kind: 'embedded' }
  | { kind: 'hub'; name: string }
  | { kind: 'folder'; files: readonly File[] }
  /** The copy of a folder that was picked. */
  | KeptModel

/** A model in the browser's storage, by the name of the folder that it was copied from. */
export interface KeptModel {
  kind: 'kept'
  name: string
  /** Of its files: another folder of this name has another. */
  digest: string
}

export interface ModelSummary {
  name: string
  /** `model_type` of its config.json. */
  type: string
  parameters: number
  /** Longest input in tokens. */
  max_length: number
}

export interface TrainSettings {
  epochs: number
  learning_rate: number
  rank: number
  batch_size: number
  /** Share of the rows that is held out, from 0 to below 1. */
  heldOut: number
  device: 'wasm' | 'webgpu' | 'auto'
}

export interface Plan {
  total: number
  trainable: number
  classes: readonly { label: string; train: number; heldOut: number }[]
  /** Rows cut to the model's longest input. */
  truncated: number
  max_length: number
  steps: number
  notes: readonly string[]
}

/** A table as it was read, before columns are chosen. */
export interface ReadTable {
  columns: readonly string[]
  textColumn: string
  labelColumn: string
  rows: readonly Row[]
  warnings: readonly string[]
}

export interface AdapterSummary {
  name: string
  labels: readonly string[]
  /** Bytes of its tensors. */
  bytes: number
  /** Share of right answers on its held-out rows, where that is known. */
  accuracy: number | undefined
}

export interface Answer {
  label: string
  logits: readonly number[]
  probabilities: readonly number[]
}

interface SideBySide {
  labels: readonly string[]
  before: Answer | undefined
  after: Answer
  milliseconds: number
}

/** Answers to rows with labels. */
export interface Mistakes {
  labels: readonly string[]
  /** Whether the rows are those held out; else all rows, which training has seen. */
  heldOut: boolean
  rows: readonly { text: string; label: number; answer: number; probability: number }[]
}

/** A classifier's cost and quality. */
export interface Measured {
  bytes: number
  parameters: number
  milliseconds: number
  accuracy: number
}

export interface Comparison {
  teacher: Measured
  student: Measured
  /** Rows that both were measured on. */
  rows: number
  /** Share of rows on which both give one answer. */
  agreement: number
}

export type DownloadKind = 'adapter' | 'classifier' | 'site' | 'student'

export interface RunRequest {
  name: string
  rows: readonly Row[]
  settings: TrainSettings
}

interface RunResult {
  adapter: AdapterSummary
  stopped: 'finished' | 'early' | 'aborted'
  /** Epoch whose weights were kept, from 1. */
  best: number | undefined
  seconds: number
}

/** A run whose checkpoint lies in this browser. */
export interface OpenRun extends RunRequest {
  model: ModelChoice
  step: number
  total_steps: number
  /** How it multiplies with frozen matrices: its checkpoint fits no other way. */
  frozenProducts: 'int8' | 'float32'
  /** Whether it ended with an error: it is taken up when it is asked for again, not by itself. */
  failed?: boolean
}

/** Each call by name: what it asks and what it answers. */
export interface Calls {
  device: { ask: undefined; answer: DeviceReport }
  sample: { ask: SampleName; answer: readonly Row[] }
  table: {
    ask: { content: string | File; name: string; textColumn?: string | undefined; labelColumn?: string | undefined }
    answer: ReadTable
  }
  open: { ask: ModelChoice; answer: ModelSummary }
  keptModel: { ask: undefined; answer: KeptModel | undefined }
  plan: { ask: Omit<RunRequest, 'name'>; answer: Plan }
  train: { ask: RunRequest; answer: RunResult }
  /** The run that was under way when the page was left. */
  interrupted: { ask: undefined; answer: OpenRun | undefined }
  forget: { ask: undefined; answer: undefined }
  pause: { ask: boolean; answer: undefined }
  stop: { ask: undefined; answer: undefined }
  sideBySide: { ask: { adapter: string; text: string }; answer: SideBySide }
  mistakes: { ask: { adapter: string }; answer: Mistakes }
  distil: { ask: { adapter: string }; answer: Comparison }
  download: { ask: { kind: DownloadKind; adapter: string }; answer: { name: string; blob: Blob } }
  adapters: { ask: undefined; answer: readonly AdapterSummary[] }
  addAdapter: { ask: readonly File[]; answer: AdapterSummary }
  dropAdapter: { ask: string; answer: undefined }
}

export type CallName = keyof Calls

/** What the worker tells without being asked. */
export type Told =
  | { event: 'opening'; file: string; loaded: number; total: number | undefined }
  | { event: 'begin'; total_steps: number; resumed_from: number; history: readonly EpochPoint[] }
  | { event: 'step'; step: number; epoch: number; total_steps: number; loss: number; tokens_per_second: number }
  | ({ event: 'epoch' } & EpochPoint)
  | { event: 'saved'; step: number }
  | { event: 'warning'; message: string }
  /** Storage is full or refused: what is made stays in memory. */
  | { event: 'storage'; error: PlainError }
  /** Graphics that were lost do not come back: the processor answers. */
  | { event: 'replaced' }
  | { event: 'distilling'; step: number; total_steps: number }
  | { event: 'device'; report: DeviceReport }

export interface EpochPoint {
  epoch: number
  step: number
  train_loss: number
  eval_loss: number | undefined
  train_accuracy: number | undefined
  eval_accuracy: number | undefined
  best: boolean
}
