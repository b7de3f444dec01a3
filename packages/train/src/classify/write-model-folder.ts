// Writes a model's folder for other programs: the ONNX file, its weights, config.json and the tokenizer.

import type { Files, FileSink, Tokenizer } from '@cola/data'
import {
  callable,
  type Check,
  type Checks,
  checkOptions,
  object,
  oneOf,
  requireOptions,
  text,
  whole,
} from '@cola/graph/options'
import {
  checkTypes,
  type Graph,
  lower,
  packMatrices,
  prune,
  storeWeights,
  type WeightType,
  widen,
  writeModel,
} from '@cola/graph'
import { sinkOf, writeJson } from '../files/files.ts'
import { writeModels } from '../runtime/write-models.ts'
import { chatTemplateField, copyTokenizer, extendTokenizerConfig, writeTokenizer } from './tokenizer-files.ts'

/** What is written to a model's folder: graph, configuration and tokenizer. */
export interface ModelFolder {
  /** Where it is written: a path or a sink. */
  folder: string | FileSink
  /** The model; float16, bfloat16 and float64 are converted to float32. */
  graph: Graph
  /** Written to config.json. */
  config: Readonly<Record<string, unknown>>
  /**
   * Folder or files whose tokenizer is copied, such as `base.files`; of a hub or an address, `await openFiles(source,
   * { files: ['tokenizer.json', 'tokenizer_config.json'] })`, because a model is written at once.
   * @default that of `tokenizer` is written
   */
  tokenizerFolder?: string | Files
  /** The tokenizer, if there is no folder with its files. @default none is written */
  tokenizer?: Pick<Tokenizer, 'files'>
  /**
   * Longest input in tokens, which the tokenizer's configuration gets as `model_max_length`.
   * @default that of the tokenizer
   */
  max_length?: number
  /**
   * Type in which matrices are stored; computation is in float32. `packed`: matrices that are in 4 or 8 bits keep them,
   * others are float32. @default 'float32'
   */
  dtype?: WeightType | 'packed'
  /** Matrices that stay in float32 whatever `dtype` is, by their names. @default none */
  keeps?: (name: string) => boolean
  /**
   * `flat`: model.onnx with its weights in model.onnx_data beside it. `hub`: onnx/model.onnx in one file, or
   * model_fp16.onnx, model_quantized.onnx or model_q4.onnx, where transformers.js looks for it. @default 'flat'
   */
  layout?: 'flat' | 'hub'
}

/** File names of transformers.js by type of the weights. */
const hubFiles: Readonly<Record<NonNullable<ModelFolder['dtype']>, string>> = {
  float32: 'model.onnx',
  float16: 'model_fp16.onnx',
  int8: 'model_quantized.onnx',
  int4: 'model_q4.onnx',
  packed: 'model_q4.onnx',
}

/** Checks of the form in which a model is written. */
export const formChecks: Checks<Pick<ModelFolder, 'dtype' | 'layout'>> = {
  dtype: oneOf(Object.keys(hubFiles), { fp32: 'float32', fp16: 'float16', q8: 'int8', q4: 'int4' }),
  layout: oneOf(['flat', 'hub'] satisfies ModelFolder['layout'][]),
}

const pathOrObject = (expected: string): Check => [expected, (value) => text[1](value) || object[1](value)]

/** Checks of {@link ModelFolder}. */
export const modelFolderChecks: Checks<ModelFolder> = {
  folder: pathOrObject('a path, or a sink'),
  graph: object,
  config: object,
  tokenizerFolder: pathOrObject('a path, or files'),
  tokenizer: object,
  max_length: whole(1),
  keeps: callable,
  ...formChecks,
}

/**
 * Writes a model that any ONNX Runtime loads, beside its config.json and its tokenizer.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range; {GraphError | ShapeError} for a graph whose element types do
 * not go together, before anything is written; {FileError} when the folder cannot be written.
 */
export function writeModelFolder(options: ModelFolder): void {
  checkOptions('writeModelFolder', options, modelFolderChecks)
  requireOptions('writeModelFolder', options, modelFolderChecks, ['folder', 'graph', 'config'])
  const { folder, graph, config, dtype = 'float32', keeps, layout = 'flat' } = options
  const sink = sinkOf(folder)
  const runnable = lower(widen(graph))
  const model =
    dtype === 'packed'
      ? packMatrices(runnable, { accuracyLevel: 'file', gathers: true })
      : storeWeights(runnable, dtype, keeps)
  prune(model)
  checkTypes(model)
  writeTokenizerOf(options)
  if (layout === 'hub') sink.write(modelFileOf({ dtype, layout }, runnable), [writeModel(model)])
  else writeModels(folder, { model }, 'model.onnx_data')
  writeJson(sink, 'config.json', config)
}

/** Writes the tokenizer, with the fields of its configuration that the options change. */
function writeTokenizerOf({ folder, tokenizerFolder, tokenizer, max_length, layout }: ModelFolder): void {
  const limit = max_length === undefined ? {} : { model_max_length: max_length }
  if (tokenizerFolder !== undefined) {
    copyTokenizer(tokenizerFolder, folder)
    const template = layout === 'hub' ? chatTemplateField(tokenizerFolder) : {}
    extendTokenizerConfig(tokenizerFolder, folder, { ...template, ...limit })
  } else if (tokenizer) {
    const { 'tokenizer_config.json': config, ...others } = tokenizer.files
    writeTokenizer({ files: { ...others, 'tokenizer_config.json': { ...config, ...limit } } }, folder)
  }
}

/**
 * Path of the ONNX file that {@link writeModelFolder} writes, in the folder.
 * @param graph The model: where it is `packed`, its bits decide between transformers.js's names. @default one in 4 bits
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function modelFileOf(form: Pick<ModelFolder, 'dtype' | 'layout'>, graph?: Graph): string {
  checkOptions('modelFileOf', form, formChecks)
  const { dtype = 'float32', layout = 'flat' } = form
  const bits = new Set([...(graph?.initializers.values() ?? [])].flatMap(({ packed }) => packed?.bits ?? []))
  const type = dtype === 'packed' && bits.has(8) && !bits.has(4) ? 'int8' : dtype
  return layout === 'hub' ? `onnx/${hubFiles[type]}` : 'model.onnx'
}
