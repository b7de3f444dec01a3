// Opens any ONNX model, from a folder or from the hub, with its configuration and its tokenizer.

import {
  chatTemplateFile,
  HubError,
  type HubOptions,
  hubFiles,
  isFolder,
  readTokenizer,
  type Tokenizer,
} from '@cola/data'
import { externalLocations, foldLinear, type Model, readModel, simplify } from '@cola/graph'
import { externalDataOf } from '@cola/train'
import { fileSystem, paths, readFile, readJson } from '@cola/train/files'
import { ConfigError } from '../errors.ts'
import { canonicalize } from './names.ts'
import { modelTypeOf } from './prefixes.ts'

export interface OnnxModelOptions extends HubOptions {
  /** The ONNX file, relative to the folder. @default the first of model.onnx, onnx/model.onnx, onnx/model_fp16.onnx */
  file?: string
}

export interface OnnxModel {
  /** Parameters under transformers' names; none is trainable yet. */
  model: Model
  /** config.json. */
  config: Readonly<Record<string, unknown>> & { model_type: string }
  tokenizer: Tokenizer
  /** Folder that the files were read from. */
  folder: string
}

/** sentence-transformers' file with the pooling of token embeddings. */
export const poolingFile = '1_Pooling/config.json'

/** Optional files beside a model that configure its use. */
export const companionFiles = ['tokenizer_config.json', chatTemplateFile, 'generation_config.json', poolingFile].map(
  (path) => ({ path, optional: true }),
)

/** Paths of a model's ONNX file, in the order in which they are tried. */
export const onnxFiles: readonly string[] = ['model.onnx', 'onnx/model.onnx', 'onnx/model_fp16.onnx']

/**
 * Opens a model that PyTorch's exporters, Optimum or transformers.js's converter wrote. Weights in external files stay
 * on disk until a session reads them.
 * @param nameOrFolder A folder that exists, else the name of a repository on the hub.
 * @throws {ConfigError | FormatError | GraphError | UnsupportedOperatorError | FileError | HubError | DataError} naming
 * file, node and value.
 */
export async function openOnnxModel(
  nameOrFolder: string,
  { file, ...options }: OnnxModelOptions = {},
): Promise<OnnxModel> {
  const { join, dirname } = paths()
  const folder = (await isFolder(nameOrFolder)) ? nameOrFolder : await download(nameOrFolder, file, options)
  const names = file === undefined ? onnxFiles : [file]
  const found = names.find((name) => fileSystem().existsSync(join(folder, name)))
  if (!found)
    throw new ConfigError({
      where: folder,
      what: 'no ONNX model',
      expected: names.join(' or '),
      found: fileSystem().readdirSync(folder).slice(0, 12).join(', '),
      fix: exportFix(nameOrFolder),
    })
  const config = readConfig(join(folder, 'config.json'))
  const path = join(folder, found)
  const graph = foldLinear(
    simplify(readModel(readFile(path), { where: path, externalData: externalDataOf(dirname(path)), widen: true })),
  )
  canonicalize(graph, config.model_type)
  return { model: { graph, trainable: new Set() }, config, tokenizer: await readTokenizer(folder), folder }
}

/** Reads config.json; a missing model_type is derived from the class name in `architectures`. */
function readConfig(where: string): OnnxModel['config'] {
  const config = readJson(where) as Readonly<Record<string, unknown>>
  const [architecture] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : []
  const model_type = config.model_type ?? (typeof architecture === 'string' ? modelTypeOf(architecture) : undefined)
  if (typeof model_type !== 'string')
    throw new ConfigError({
      where,
      what: 'no model_type',
      fix: 'Add it: bert, llama, ... It decides how parameters are named.',
    })
  return { ...config, model_type }
}

async function download(name: string, file: string | undefined, options: HubOptions): Promise<string> {
  const { dirname, posix } = paths()
  const wanted = [{ path: 'config.json' }, { path: 'tokenizer.json' }, ...companionFiles]
  const [config] = await hubFiles(name, wanted, options)
  const names = file === undefined ? onnxFiles : [file]
  // The first existing ONNX file only: a repository may have the model in many precisions, each of the model's size.
  for (const path of names) {
    const [found] = await hubFiles(name, [{ path, optional: true }], options)
    if (!found) continue
    const data = externalLocations(readFile(found), found).map((location) => ({
      path: posix.join(posix.dirname(path), location),
    }))
    await hubFiles(name, data, options)
    return dirname(config as string)
  }
  const [path] = names as [string]
  await hubFiles(name, [{ path }], options).catch((cause: HubError) => {
    throw new HubError({ ...cause.problem, fix: `${cause.problem.fix} ${exportFix(name)}` }, { cause })
  })
  return dirname(config as string)
}

const exportFix = (model: string): string =>
  `Name its ONNX file with the option file, or export one: optimum-cli export onnx --model ${model} FOLDER`
