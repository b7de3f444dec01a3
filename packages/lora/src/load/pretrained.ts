// Loads GPT-2, wherever its files lie: config.json and model.safetensors, in one file or in shards.

import { type Checks, checkOptions, integer, optionsIn, whole } from '@cola/graph/options'
import {
  fetchFiles,
  type Files,
  openFiles,
  pickleFix,
  placeOf,
  type Source,
  sourceChecks,
  type SourceOptions,
  type Tokenizer,
} from '@cola/data'
import type { Model, Tensor } from '@cola/graph'
import { filesOf, readJson } from '@cola/train/files'
import { WeightsError } from '../errors.ts'
import { type Gpt2Config, parseGpt2Config } from '../gpt2/config.ts'
import { gpt2, gpt2Checks, type Gpt2Options } from '../gpt2/graph.ts'
import { gpt2Parameters } from '../gpt2/parameters.ts'
import { keepStartTokens } from '../inject/start-tokens.ts'
import { companionFiles, folderOf } from '../onnx/companions.ts'
import { type ModelOrigin, originOf, quantizationCheck } from '../onnx/open-options.ts'
import { openTokenizer, tokenizerChecks, type TokenizerOptions } from '../onnx/tokenizer-options.ts'
import type { Quantization } from '../onnx/quantization.ts'
import { indexFile, readWeights, weightsFile } from './weights.ts'

/** Options of {@link loadPretrained}. */
export interface PretrainedOptions extends Gpt2Options, SourceOptions, TokenizerOptions {
  /** Classes of a new classification head. @default config.json's, or 2 */
  num_labels?: number
  /** Seed of a head that the checkpoint does not have. @default 0 */
  seed?: number
  /** Quantize the linear layers (QLoRA). @default none */
  quantization?: Quantization | null
}

const checks: Checks<PretrainedOptions> = {
  ...gpt2Checks,
  ...sourceChecks,
  ...tokenizerChecks,
  num_labels: whole(1),
  seed: integer,
  quantization: quantizationCheck,
}

/** A pretrained checkpoint: configuration, parameters and tokenizer. */
export interface Pretrained {
  model: Model
  /** The checkpoint's parameters under transformers' names, from which `gpt2` builds the model with another head. */
  parameters: ReadonlyMap<string, Tensor>
  config: Gpt2Config
  tokenizer: Tokenizer
  /** What was opened. */
  files: Files
  /** Path of the folder that the files were read from; in a browser, what was opened is called so. */
  folder: string
  /** What was asked for. @default the model as its files have it */
  origin?: ModelOrigin
}

/**
 * Loads GPT-2 of any size. Weights stay on disk until a session reads them.
 * @param source A folder, a repository on the hub, an address, picked files or bytes.
 * @throws {ConfigError | WeightsError | FormatError | FileError | HubError | DataError} naming the file and what is
 * wrong in it.
 */
export async function loadPretrained(source: Source, options: PretrainedOptions = {}): Promise<Pretrained> {
  checkOptions('loadPretrained', options, checks)
  const files = filesOf(await openFiles(source, { ...optionsIn(sourceChecks, options), files: [] }))
  await fetchFiles(files, [{ path: 'config.json', optional: !files.fetch }])
  const json = readJson(files, 'config.json')
  const config = parseGpt2Config(
    options.num_labels === undefined
      ? json
      : { ...(json as object | null), num_labels: options.num_labels, id2label: null },
    placeOf(files, 'config.json'),
  )
  const { quantization } = options
  const weights = await readWeights(files)
  if (!weights) throw await noWeights(files)
  const read = gpt2Parameters(weights, config, {
    ...(options.head ? { head: options.head } : {}),
    seed: options.seed ?? 0,
    where: files.where,
  })
  await fetchFiles(files, companionFiles)
  const plain = gpt2(config, read, optionsIn(gpt2Checks, options))
  const model = quantization ? (await import('../onnx/quantization.ts')).quantizeModel(plain, quantization) : plain
  const parameters = new Map([...read].map(([name, value]) => [name, model.graph.initializers.get(name) ?? value]))
  const opened = await openTokenizer(files, optionsIn(tokenizerChecks, options))
  keepStartTokens(model.graph, opened.tokenizer)
  return { model, parameters, config, ...opened, folder: folderOf(files), origin: originOf(options) }
}

/** The error of a folder, or of a hub, which lists the files of the repository. */
async function noWeights(files: Files): Promise<WeightsError> {
  await files.fetch?.([{ path: weightsFile }])
  const fix = pickleFix(weightsFile, files.names(), { folder: files.where })
  return new WeightsError({
    where: files.where,
    what: 'no weights',
    expected: `${weightsFile} or ${indexFile}`,
    ...(fix ? { fix } : {}),
  })
}
