// @cola/train: training on the stock ONNX Runtime.

export type { Block } from './artifacts/blocks.ts'
export { loadArtifacts, saveArtifacts } from './artifacts/files.ts'
export {
  type ArtifactOptions,
  type DropoutMask,
  type FrozenProducts,
  generateArtifacts,
  gradientBuffer,
  gradientOutput,
  type TrainingArtifacts,
} from './artifacts/generate.ts'
export { binaryCrossEntropy, type ElementwiseLossOptions, meanSquaredError } from './artifacts/elementwise-losses.ts'
export {
  cosineSquaredError,
  type EmbeddingLossOptions,
  multipleNegativesRanking,
  type RankingLossOptions,
} from './artifacts/embedding-losses.ts'
export { crossEntropy, type CrossEntropyOptions } from './artifacts/losses.ts'
export { ignoreIndex, type LabelTerm, type LossTerm, type RowTerm } from './artifacts/terms.ts'
export { unseenRows } from './artifacts/unseen.ts'
export { modelFingerprint } from './artifacts/fingerprint.ts'
export { copyTokenizer, type ModelFolder, writeModelFolder, writeTokenizer } from './classify/write-model-folder.ts'
export {
  type Classification,
  type Classifier,
  type ClassifierExport,
  type ClassifierOptions,
  loadClassifier,
  writeClassifier,
} from './classify/classifier.ts'
export {
  CheckpointError,
  ConfigError,
  DeviceError,
  FeedError,
  FileError,
  ModelError,
  NonFiniteLossError,
  WeightsError,
} from './errors.ts'
export {
  fileSystem,
  hasFiles,
  paths,
  readFile,
  readJson,
  readRange,
  readSafetensorsFile,
  sha256,
  temporaryFolder,
  writeFileAtomic,
} from './files/node.ts'
export {
  atLeast,
  callable,
  type Check,
  type Checks,
  checkOptions,
  checkValue,
  flag,
  list,
  listOf,
  object,
  oneOf,
  positive,
  share,
  text,
  whole,
} from './options.ts'
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
export { defaultDevice, type Device } from './runtime/devices.ts'
export { externalDataOf, writeModels } from './runtime/model-files.ts'
export { openSession, resolveDevice, type RunnableModel } from './runtime/open-session.ts'
export { OrtTensor, type OrtSession, type OrtTensors } from './runtime/ort.ts'
export { type EvaluationOptions, type EvaluationSession, openEvaluation } from './session/evaluation.ts'
export { type Batch, type BatchArray, feedsOf } from './session/feeds.ts'
export {
  addCounts,
  addMeans,
  checkLabels,
  classesOf,
  lossCounts,
  meanOf,
  type TermMean,
  type TermSum,
} from './session/means.ts'
export { paddedBatches, type PaddedRow, type PaddingOptions } from './session/padded.ts'
export { vocabularySize } from './session/token-ids.ts'
export type { StepResult } from './session/result.ts'
export {
  type SessionState,
  type TrainableSession,
  TrainingSession,
  type TrainingSessionOptions,
} from './session/training-session.ts'
export type { Callbacks, EpochLog, Metrics, StepLog, WarningLog } from './trainer/callbacks.ts'
export { type BestEpoch, loadCheckpoint, type RunState, saveCheckpoint } from './trainer/checkpoint.ts'
export type { SamplingStrategy } from './trainer/order.ts'
export { stopSignal } from './trainer/signals.ts'
export { consoleProgress, type ConsoleProgressOptions } from './trainer/console-progress.ts'
export { type EvaluatedRows, type EvaluateOptions, evaluateRows } from './trainer/evaluate.ts'
export { metricOf } from './trainer/best.ts'
export {
  checkLoopOptions,
  type EvalPrediction,
  loopChecks,
  type LoopFacts,
  type LoopOptions,
  type RowPredictor,
  type TrainerData,
  type TrainerOptions,
} from './trainer/options.ts'
export { type Evaluation, Trainer, type TrainResult } from './trainer/trainer.ts'
export { createTrainingWorker } from './worker/client.ts'
export type { WorkerOptions } from './worker/messages.ts'
