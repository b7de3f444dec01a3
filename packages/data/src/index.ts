// @cola/data: reads data sources, tokenizes texts, makes batches and computes metrics. Plain typed arrays; no graphs.

export {
  type EncodeOptions,
  type Encoder,
  encodeRows,
  encodeTexts,
  type TextInput,
  type TokenRow,
  type TokenSequence,
} from './batch/encode-texts.ts'
export {
  encodeWords,
  type EncodeWordsOptions,
  type WordInput,
  type WordSequence,
} from './batch/encode-words.ts'
export {
  encodeForLanguageModel,
  type LabelledSequence,
  type LanguageModelOptions,
  type LanguageModelText,
  type TextSpan,
} from './batch/encode-language-model.ts'
export { classLabels } from './batch/class-labels.ts'
export { cutTexts } from './batch/cut-texts.ts'
export { strictMethods } from './batch/strict-methods.ts'
export { requireTokenIds } from './batch/token-ids.ts'
export { ignoreIndex } from './batch/ignore-index.ts'
export {
  type PackedBatch,
  type PackingOptions,
  packForLanguageModel,
  packRows,
  packSentences,
  unpad,
} from './batch/pack-sentences.ts'
export { packSteps, type StepBatch } from './batch/pack-steps.ts'
export { ColaError, ConfigError, DataError, HubError, type Problem } from './errors.ts'
export { sha256 } from './files/hash.ts'
export {
  fetchFiles,
  type Files,
  type FileSink,
  type FileStore,
  type Lock,
  placeOf,
  type WantedFile,
} from './files/files.ts'
export { hasFiles, nodeModule } from './files/node.ts'
export { sweep, thisOwner } from './files/owner.ts'
export { filesOf, folderFiles, folderSink, folderStore, sinkOf } from './files/folder.ts'
export { copyFiles, directoryStore } from './files/directory-store.ts'
export { type DirectoryHandle, type FileHandle, isPicked } from './files/handles.ts'
export { zipOf } from './files/zip.ts'
export { type BytesByName, memoryFiles, type MemorySink, memorySink } from './files/memory.ts'
export { argMax, argMaxRows } from './metrics/arg-max.ts'
export { sigmoid, softmax } from './metrics/softmax.ts'
export { type LabelsOfText, oneLabel, severalLabels } from './metrics/read-logits.ts'
export {
  accuracy,
  type Average,
  type AverageOptions,
  classificationMetrics,
  type ClassificationMetrics,
  type ClassScores,
  classScores,
  f1,
  majorityBaseline,
  matthewsCorrelation,
  precision,
  recall,
} from './metrics/classification.ts'
export {
  type Bootstrap,
  type BootstrapOptions,
  type McNemar,
  mcnemar,
  type Metric,
  pairedBootstrap,
} from './metrics/paired-tests.ts'
export { type Confusion, confusionCounts, confusionMatrix } from './metrics/confusion.ts'
export type { ClassIds, ScoreOptions } from './metrics/counts.ts'
export {
  checkIob2,
  type Entity,
  entitiesOf,
  type EntityMetrics,
  entityMetrics,
  type EntityScore,
  type TagRows,
} from './metrics/entities.ts'
export { iob2Labels, type TagScheme, tagSchemes, toIob2 } from './metrics/tag-schemes.ts'
export { type TagMetrics, tagMetrics } from './metrics/tags.ts'
export { type Indicators, type MultiLabelMetrics, multiLabelMetrics } from './metrics/multilabel.ts'
export { perplexity } from './metrics/perplexity.ts'
export { meanSquaredError, pearson, type RegressionMetrics, regressionMetrics, spearman } from './metrics/regression.ts'
export { cosineSimilarities, type Embeddings, retrievalMetrics, type RetrievalOptions } from './metrics/retrieval.ts'
export { random, type Random } from './random.ts'
export { type ColaSplit, colaSplits, type LabelledText, parseColaTsv, readColaFolder } from './source/cola.ts'
export { generateSentences, type GeneratedText, type GenerateOptions } from './source/generate-sentences.ts'
export type { MinimalPair, Phenomenon } from './source/phenomena.ts'
export { decodeText, type DecodeOptions } from './source/decode.ts'
export type { Quoting } from './source/dsv.ts'
export { classIndex, isLabel, type Label, requireLabel, requireLabels } from './source/class-labels.ts'
export { defaultLabel, defaultLabels } from './source/default-label.ts'
export { distinctLabels } from './source/distinct-labels.ts'
export { requireSharedLabels } from './source/class-sizes.ts'
export { type DoubtOptions, doubtfulClasses, type PlaceOf, similarClasses } from './source/doubtful-classes.ts'
export { contradictions, firstPlaces, labelDoubts, type LabelledRows, type RowsByName } from './source/doubtful-rows.ts'
export { namedRows, withClassNames } from './source/named-rows.ts'
export { divideRows } from './source/divide-rows.ts'
export { rowsOfColumns } from './source/rows-of-columns.ts'
export { placesOfShared } from './source/shared-places.ts'
export { type JudgedRows, sharedRows } from './source/shared-rows.ts'
export {
  describeValue,
  renameFix,
  requireField,
  requireList,
  requireRow,
  requireRows,
  requireString,
  requireText,
  rowPlace,
} from './source/row-checks.ts'
export { type LabelledTable, labelledTable, type LabelOptions } from './source/labelled-table.ts'
export {
  parseRecords,
  parseTable,
  readRecords,
  readTable,
  type RecordOptions,
  type TableOptions,
} from './source/table.ts'
export { splitRows, type SplitOptions } from './source/split-rows.ts'
export { readText } from './source/read-text.ts'
export {
  type ChatMessage,
  type ChatTemplate,
  chatTemplateFile,
  type ChatTemplateOptions,
} from './tokenizer/chat-template.ts'
export { firstPosition, longestInput, type ModelConfig, padTokenId } from './tokenizer/model-config.ts'
export { createTokenizer } from './tokenizer/create-tokenizer.ts'
export { readTokenizer } from './tokenizer/read-tokenizer.ts'
export type { BuiltInputs, Encoding, Tokenizer, TokenizerFiles } from './tokenizer/tokenizer.ts'
export type { EncodingOptions } from './tokenizer/encoding-options.ts'
export { divideWords, type PunctuationWords, type TextRange } from './tokenizer/divide-words.ts'
export type { TruncationSide, TruncationStrategy } from './tokenizer/truncate.ts'
export { hubFiles } from './hub/hub.ts'
export { hubChecks, type HubOptions, type Progress } from './hub/hub-options.ts'
export { pushChecks, type PushOptions, pushToHub } from './hub/push.ts'
export type { RepoType } from './hub/repository.ts'
export { addressOf } from './open/address-of.ts'
export { pathOf } from './open/path-of.ts'
export { type FileSource, openFile } from './open/open-file.ts'
export { type FileIn, openFileIn } from './open/open-file-in.ts'
export {
  isFiles,
  openFiles,
  type OpenFilesOptions,
  type Source,
  sourceChecks,
  type SourceOptions,
} from './open/open-files.ts'
export { isFolder } from './hub/folder-or-repo.ts'
export { lfsPointer, longestPointer } from './files/lfs-pointer.ts'
export { pickleFix } from './hub/pickle-fix.ts'
export type { HubAccess } from './hub/settings.ts'
export { parseColaZip, parseGlueParquet, readGlueCola } from './source/glue.ts'
