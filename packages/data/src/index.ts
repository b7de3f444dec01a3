// @cola/data: sources, tokenizers, batches, metrics. Plain typed arrays; knows no graph.

export { type EncodeOptions, encodeRows, type TokenRow } from './batch/encode.ts'
export { type PackedBatch, packForLanguageModel, packRows, packSentences, unpad } from './batch/pack.ts'
export { DataError, type DataProblem, HubError } from './errors.ts'
export { accuracy, classificationMetrics, confusionMatrix, f1, majorityBaseline, matthewsCorrelation } from './metrics/classification.ts'
export { random, type Random } from './random.ts'
export { type ColaSplit, colaSplits, type LabelledText, parseColaTsv, readColaFolder } from './source/cola.ts'
export { generateSentences, type GeneratedText, type GenerateOptions } from './source/generator.ts'
export type { MinimalPair, Phenomenon } from './source/phenomena.ts'
export { readText } from './source/text.ts'
export { createTokenizer, readTokenizer, type Tokenizer } from './tokenizer/tokenizer.ts'
export { type HubOptions, hubFiles, type RepoType } from './hub/hub.ts'
export { parseColaZip, parseGlueParquet, readGlueCola } from './source/glue.ts'
