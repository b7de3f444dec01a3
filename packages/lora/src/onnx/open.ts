// Opens any ONNX model, wherever its files lie, with its configuration and its tokenizer.

import { checkOptions, optionsIn } from '@cola/graph/options'
import {
  fetchFiles,
  type Files,
  HubError,
  openFiles,
  placeOf,
  type Source,
  sourceChecks,
  type Tokenizer,
} from '@cola/data'
import { externalLocations, type Model } from '@cola/graph'
import { besideOf } from '@cola/train'
import { filesOf, readJson } from '@cola/train/files'
import { keepStartTokens } from '../inject/start-tokens.ts'
import { companionFiles, folderOf } from './companions.ts'
import { filesOfDtype, onnxFiles } from './dtypes.ts'
import { modelTypeOf } from './prefixes.ts'
import { readWithPositions } from './read.ts'
import { type ModelOrigin, onnxModelChecks, type OnnxModelOptions, originOf } from './open-options.ts'
import { quantizeModel } from './quantization.ts'
import { openTokenizer, tokenizerChecks } from './tokenizer-options.ts'

/** An ONNX model with its configuration and tokenizer. */
export interface OnnxModel {
  /** Parameters under transformers' names; none is trainable yet. */
  model: Model
  /** config.json. */
  config: Readonly<Record<string, unknown>> & { model_type: string }
  tokenizer: Tokenizer
  /** What was opened. */
  files: Files
  /** Path of the folder that the files were read from; in a browser, what was opened is called so. */
  folder: string
  /** The ONNX file among them. */
  file: string
  /**
   * The most tokens for which the file has rotary positions, where it holds tables of them. @default as config.json says
   */
  positions?: number
  /** What was asked for. @default the model as its files have it */
  origin?: ModelOrigin
}

/**
 * Opens a model that PyTorch's exporters, Optimum or transformers.js's converter wrote. Weights in external files stay
 * on disk until a session reads them.
 * @param source A folder, a repository on the hub, an address, picked files or bytes.
 * @throws {ConfigError | FormatError | GraphError | UnsupportedOperatorError | FileError | HubError | DataError} naming
 * file, node and value.
 */
export async function openOnnxModel(source: Source, options: OnnxModelOptions = {}): Promise<OnnxModel> {
  checkOptions('openOnnxModel', options, onnxModelChecks)
  const { file, dtype, quantization } = options
  const names = await namesOf(options)
  const files = filesOf(await openFiles(source, { ...optionsIn(sourceChecks, options), files: [] }))
  const name = await fetchModel(files, names, options)
  const config = await readConfig(files)
  const read = readWithPositions(files, name, config)
  const model = quantization ? quantizeModel(read.model, quantization) : read.model
  const opened = await openTokenizer(files, optionsIn(tokenizerChecks, options))
  keepStartTokens(model.graph, opened.tokenizer)
  const isAsked = file !== undefined || dtype !== undefined
  const origin = originOf(isAsked ? { ...options, file: name } : options)
  const { positions } = read
  return { model, config, ...opened, folder: folderOf(files), file: name, positions, origin }
}

// Parts of their own in bundles.
const errors = () => import('./open-errors.ts')
const withoutConfig = () => import('./genai-config.ts')

/**
 * Paths at which the ONNX file may be.
 * @throws {ConfigError} for a precision that is not known, and for one beside a file.
 */
async function namesOf({ file, dtype }: OnnxModelOptions): Promise<readonly string[]> {
  if (dtype === undefined) return file === undefined ? onnxFiles : [file.replaceAll('\\', '/')]
  if (file !== undefined) throw (await errors()).fileAndDtype()
  return filesOfDtype(dtype)
}

/**
 * Reads config.json; a missing model_type is derived from the class name in `architectures`. Of onnxruntime-genai's
 * builder, which writes none, its own file.
 */
async function readConfig(files: Files): Promise<OnnxModel['config']> {
  const isOfBuilder = !files.has('config.json') && files.has('genai_config.json')
  if (isOfBuilder) return (await withoutConfig()).genaiConfig(files)
  // A file that holds null has no fields, as an empty object.
  const config = (readJson(files, 'config.json') ?? {}) as Readonly<Record<string, unknown>>
  const [architecture] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : []
  const model_type = config.model_type ?? (typeof architecture === 'string' ? modelTypeOf(architecture) : undefined)
  if (typeof model_type !== 'string') throw (await errors()).noModelType(files)
  return { ...config, model_type }
}

/**
 * Brings the first existing ONNX file with its external data, and the files beside it. No other: a repository may have
 * the model in many precisions, each of the model's size.
 * @returns Its name.
 */
async function fetchModel(files: Files, names: readonly string[], asked: OnnxModelOptions): Promise<string> {
  const companions = ['config.json', 'tokenizer.json'].map((path) => ({ path, optional: true }))
  await fetchFiles(files, [...companions, ...companionFiles])
  if (!files.has('config.json')) await (await withoutConfig()).fetchConfig(files)
  await fetchFiles(files, [{ path: 'tokenizer.json', optional: !files.fetch }])
  for (const path of names) {
    await fetchFiles(files, [{ path, optional: true }])
    if (!files.has(path)) continue
    const data = externalLocations(files.read(path), placeOf(files, path))
    await files.fetch?.(data.map((location) => ({ path: besideOf(path, location) })))
    return path
  }
  const { missingFix, noModel } = await errors()
  await files.fetch?.([{ path: names[0] as string }]).catch((cause: HubError) => {
    if (!(cause instanceof HubError)) throw cause
    throw new HubError({ ...cause.problem, fix: `${cause.problem.fix} ${missingFix(files, asked)}` }, { cause })
  })
  throw noModel(files, names, asked)
}
