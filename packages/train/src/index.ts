// @cola/train: trains models on the stock ONNX Runtime.

export type { Block } from './artifacts/blocks.ts'
export { loadArtifacts, saveArtifacts } from './artifacts/artifact-files.ts'
export {
  type ArtifactOptions,
  type FrozenProducts,
  generateArtifacts,
} from './artifacts/generate-artifacts.ts'
export type { TrainingArtifacts } from './artifacts/training-artifacts.ts'
export type { DropoutMask } from './artifacts/dropout-masks.ts'
export {
  binaryCrossEntropy,
  type BinaryCrossEntropyOptions,
  type ElementwiseLossOptions,
  meanSquaredError,
} from './artifacts/elementwise-losses.ts'
export {
  cosineSquaredError,
  type EmbeddingLossOptions,
  multipleNegativesRanking,
  type RankingLossOptions,
} from './artifacts/embedding-losses.ts'
export { crossEntropy, type CrossEntropyOptions } from './artifacts/cross-entropy.ts'
export type { LabelTerm, LossTerm, RowTerm } from './artifacts/loss-terms.ts'
export { unseenRows } from './artifacts/unseen-rows.ts'
export { modelFingerprint } from './artifacts/fingerprints.ts'
export { copyTokenizer, writeTokenizer } from './classify/tokenizer-files.ts'
export {
  formChecks,
  modelFileOf,
  type ModelFolder,
  modelFolderChecks,
  writeModelFolder,
} from './classify/write-model-folder.ts'
export type { Classification } from './classify/problem-type.ts'
export {
  type Classifier,
  type ClassifierExport,
  type ClassifierOptions,
  loadClassifier,
  writeClassifier,
} from './classify/classifier.ts'
export {
  CheckpointError,
  ColaError,
  ConfigError,
  DeviceError,
  DeviceLostError,
  FeedError,
  FileError,
  ModelError,
  NonFiniteLossError,
  SessionError,
  WeightsError,
} from './errors.ts'
export { readSafetensorsFile } from './files/node.ts'
export type {
  Optimizer,
  OptimizerScalars,
  ParameterPart,
  ParameterUpdate,
  StateAccess,
  Transformation,
  Undriven,
} from './optim/optimizer.ts'
export {
  adam,
  type AdamOptions,
  adamw,
  type OptimizerOptions,
  type ParameterGroup,
  sgd,
  type SgdOptions,
} from './optim/optimizers.ts'
export { type Schedule, schedule, type ScheduleName, type ScheduleOptions } from './optim/schedule.ts'
export { addWeightDecay, clipByGlobalNorm, scaleByAdam, scaleByGroup, trace } from './optim/transforms.ts'
export { freeMemory } from './runtime/free-memory.ts'
export { computesInPlace, defaultDevice, type Device, keepsTensors } from './runtime/devices.ts'
export { hasFired } from './runtime/has-fired.ts'
export { type Life, untilRelease } from './runtime/until-release.ts'
export { besideOf, externalDataOf } from './runtime/model-files.ts'
export { writeModels } from './runtime/write-models.ts'
export { openSession, type RunnableModel } from './runtime/open-session.ts'
export { openResolved, type ResolvedSession, resolveDevice } from './runtime/resolve-device.ts'
export { browserThreads, configureRuntime, type RuntimeOptions } from './runtime/runtime-options.ts'
export { once } from './runtime/once.ts'
export { OrtTensor, type OrtSession, type OrtTensors } from './runtime/ort.ts'
export type { OrtArrays, OrtTensorConstructor, OrtType, OrtValueMetadata } from './runtime/ort-types.ts'
export { type EvaluationOptions, type EvaluationSession, openEvaluation } from './session/open-evaluation.ts'
export { type Batch, type BatchArray, feedsOf } from './session/feeds.ts'
export { checkLabels } from './check-labels.ts'
export { checkConfig } from './config/check-config.ts'
export { rotaryPositions } from './config/rotary-tables.ts'
export { addCounts, classesOf, lossCounts } from './session/loss-counts.ts'
export { addMeans, meanOf, type TermMean, type TermSum } from './session/loss-means.ts'
export { paddedBatches, type PaddedRow, type PaddingOptions } from './session/padded-batches.ts'
export { vocabularySize } from './session/token-ids.ts'
export type { StepResult } from './session/step-result.ts'
export type { SessionState, TrainingSessionOptions, TrainStepOptions } from './session/training-options.ts'
export { type TrainableSession, TrainingSession } from './session/training-session.ts'
export type { Callbacks, EpochLog, Metrics, StepLog, WarningLog } from './trainer/callbacks.ts'
export { type BestEpoch, type RunState, saveCheckpoint } from './trainer/checkpoint.ts'
export type { RunParts } from './trainer/run-fingerprint.ts'
export { loadCheckpoint } from './trainer/load-checkpoint.ts'
export type { SamplingStrategy } from './trainer/epoch-order.ts'
export { saveBatches, type SaveBatchesOptions, saveRows, type SaveRowsOptions } from './trainer/save-batches.ts'
export { stopSignal } from './trainer/stop-signal.ts'
export { consoleProgress, type ConsoleProgressOptions } from './trainer/console-progress.ts'
export { type EvaluatedRows, type EvaluateOptions, evaluateRows } from './trainer/evaluate-rows.ts'
export { isLoss, metricOf } from './trainer/best-epoch.ts'
export { checkLoopOptions, loopChecks, type LoopFacts } from './trainer/read-options.ts'
export type {
  EvalPrediction,
  LoopOptions,
  RowPredictor,
  TrainerData,
  TrainerOptions,
} from './trainer/trainer-options.ts'
export { type Evaluation, Trainer, type TrainResult } from './trainer/trainer.ts'
export { createTrainingWorker, type TrainingWorker, type WorkerOptions } from './worker/client.ts'
export type { WebWorker } from './worker/thread.ts'
export { fromPlainError, type PlainError, plainError } from './worker/plain-error.ts'
