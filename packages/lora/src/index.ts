// @cola/lora: GPT-2 and LoRA adapters.

export { type Adapter, adapterTensors, openAdapter } from './adapter/files.ts'
export { loadAdapter } from './adapter/load.ts'
export { adapterConfigJson, pushAdapter, writeAdapter } from './adapter/write.ts'
export { combineAdapters, type WeightedAdapter } from './adapter/combine.ts'
export type { CombinationType, CombineOptions } from './adapter/combine-matrices.ts'
export { onnxAdapter, writeOnnxAdapter } from './adapter/onnx-adapter.ts'
export { switchable, type SwitchableModel, type SwitchableOptions } from './adapter/switch.ts'
export { AdapterError, ColaError, ConfigError, WeightsError } from './errors.ts'
export type { FinishReason, GeneratedToken, GenerateOptions } from './generate/generate-tokens.ts'
export { createGenerator, type GeneratorOptions } from './generate/create-generator.ts'
export type {
  AdapterChoice,
  Generator,
  GeneratorCallOptions,
  GeneratorTextOptions,
  GeneratorTextsOptions,
} from './generate/generator.ts'
export { openGenerator, type OpenedGenerator, type OpenGeneratorOptions } from './finetune/open-generator.ts'
export type { TextPrompt } from './generate/text-format.ts'
export type {
  GeneratedPiece,
  GeneratedText,
  GenerateTextOptions,
  GenerateTextsOptions,
  StreamTextsOptions,
} from './generate/text-options.ts'
export type { TextGenerator } from './generate/text-generator.ts'
export { nextToken, type RankedScores, type SampleOptions } from './generate/sample.ts'
export {
  type SampledText,
  sampleTexts,
  type SampleTextsOptions,
  type TextSampler,
} from './generate/sample-texts.ts'
export { type AdaptersExportOptions, exportAdapters } from './finetune/export-adapters.ts'
export type { FineTunedExport, FineTunedExportOptions } from './finetune/export.ts'
export type { Requantized } from './onnx/requantize.ts'
export { fineTune } from './finetune/fine-tune.ts'
export type { FineTuned, FineTunedModel } from './finetune/fine-tuned.ts'
export { loadFineTuned, type LoadFineTunedOptions } from './finetune/load-fine-tuned.ts'
export type { CommonOptions, ComputeMetrics, FineTuneOptions, ScoredRows } from './finetune/options.ts'
export { type Gpt2Config, labelCount, parseGpt2Config } from './gpt2/config.ts'
export { gpt2, type Gpt2Options } from './gpt2/graph.ts'
export { withPaddedInputs } from './gpt2/padded-inputs.ts'
export { type Gpt2Head, gpt2Parameters, gpt2Shapes, randomGpt2 } from './gpt2/parameters.ts'
export {
  type AdaptedModel,
  type HeadedModel,
  type LoraModel,
  withParameters,
} from './inject/adapted-model.ts'
export { type AdapterConfig, parseAdapterConfig } from './inject/config.ts'
export {
  adapterStatus,
  type AdapterStatus,
  countParameters,
  formatParameters,
  millions,
  type ParameterCount,
} from './inject/count.ts'
export type { Activation, Head, HeadLayer, HeadNorm, Pooling } from './inject/head.ts'
export { inspect, type LayerSummary } from './inject/inspect.ts'
export { merge, type MergedModel, unmerge } from './inject/merge.ts'
export { type AdapterOptions, lora, withAdapter } from './inject/with-adapter.ts'
export { type LoraConfig, loraPlus } from './methods/lora.ts'
export type { LoraTarget } from './methods/lora/matrices.ts'
export type { MethodTypes, PeftType } from './methods/method.ts'
export type { LayerKind, Target } from './methods/target.ts'
export { exportMerged, type MergedExport } from './classify/export.ts'
export type { BaseModel, PlacedBatch } from './load/base-model.ts'
export { type BaseModelSource, openBase } from './load/base.ts'
export { loadPretrained, type Pretrained, type PretrainedOptions } from './load/pretrained.ts'
export { withMaskedInputs } from './onnx/masked-inputs.ts'
export { type HeadOptions, withHead } from './tasks/head.ts'
export type { HeadOption, LayeredHead } from './tasks/head-option.ts'
export { type HeadTask, transformersHead } from './tasks/transformers-heads.ts'
export {
  type HiddenStatesReader,
  type HiddenStatesReaderOptions,
  openHiddenStates,
  type TextStates,
} from './tasks/hidden-states.ts'
export { canonicalize } from './onnx/names.ts'
export type { Quantization } from './onnx/quantization.ts'
export { openOnnxModel, type OnnxModel } from './onnx/open.ts'
export type { ModelOrigin, OnnxModelOptions } from './onnx/open-options.ts'
export type { ModelDtype } from './onnx/dtypes.ts'
export { readCachedModel, readOnnxModel } from './onnx/read.ts'
export { baseModelPrefix } from './onnx/prefixes.ts'
export { isDecoder } from './onnx/decoders.ts'
export type { Label } from '@cola/data'
export type { ClassWeight, ClassWeights } from './tasks/class-weight.ts'
export type { Classification, ProblemType } from './tasks/problem-types.ts'
export type {
  SequenceClassificationOptions,
  SequenceClassificationSettings,
  SequenceClassifier,
} from './tasks/sequence-classification.ts'
export type { ClassTable, SequenceClassificationExample, SequenceClassificationRow } from './tasks/text-rows.ts'
export type {
  CausalLanguageModelExample,
  CausalLanguageModelOptions,
  CausalLanguageModelSettings,
} from './tasks/causal-language-model.ts'
export type {
  CompletionRow,
  ConversationRow,
  LanguageModelForm,
  LanguageModelRow,
  TextRow,
} from './tasks/language-model-rows.ts'
export type { TextScore } from './tasks/next-token.ts'
export {
  nextTokenInputs,
  nextTokenLoss,
  type NextTokenLossOptions,
  type PlacedLabel,
} from './tasks/next-token-loss.ts'
export type { SentenceEmbeddingExample } from './tasks/embedding-targets.ts'
export type {
  SentenceEmbedder,
  SentenceEmbeddingOptions,
  SentenceEmbeddingRow,
  SentenceEmbeddingSettings,
} from './tasks/sentence-embedding.ts'
export type { PairRow, RowForm, SimilarityRow, TripleRow, TupleRow } from './tasks/sentence-rows.ts'
export type {
  EncodeContext,
  Encoded,
  ExportedExtras,
  Predict,
  Releasable,
  RowsOf,
  ScoreContext,
  ServeContext,
  Task,
  TaskType,
  TaskTypes,
  TypesOfTask,
} from './tasks/task.ts'
export type { TaggedEntity, WordTags } from './tasks/found-tags.ts'
export type { SpansRow, TextSpan, TokenClassificationRow, WordsRow } from './tasks/tagged-words.ts'
export type {
  TokenClassificationExample,
  TokenClassificationOptions,
  TokenClassificationSettings,
  TokenClassifier,
} from './tasks/token-classification.ts'
export { consoleProgress } from '@cola/train'
export type { Ia3ConfigJson } from './methods/ia3.ts'
export type { VeraConfigJson } from './methods/vera.ts'
