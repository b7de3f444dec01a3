// Any ONNX model, from a folder or from the hub: the file, its configuration and its tokenizer.

import { type HubOptions, hubFiles, readTokenizer, type Tokenizer } from '@cola/data'
import { foldLinear, type Model, readModel, simplify } from '@cola/graph'
import { externalDataOf, fileSystem, paths, readFile, readJson } from '@cola/train'
import { ConfigError } from '../errors.ts'
import { canonicalize } from './names.ts'

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

const candidates = ['model.onnx', 'onnx/model.onnx', 'onnx/model_fp16.onnx']

/**
 * Opens a model that PyTorch's exporters, Optimum or transformers.js's converters wrote. Weights in external files stay on disk until a session asks.
 * @param nameOrFolder A folder that exists, else the name of a repository on the hub.
 * @throws {ConfigError | FormatError | GraphError | UnsupportedOperatorError | FileError | HubError | DataError} naming file, node and value.
 */
export async function openOnnxModel(nameOrFolder: string, { file, ...options }: OnnxModelOptions = {}): Promise<OnnxModel> {
  const { join, dirname } = paths()
  const local = fileSystem().existsSync(nameOrFolder)
  const folder = local ? nameOrFolder : await download(nameOrFolder, file, options)
  const names = file === undefined ? candidates : [file]
  const found = names.find((name) => fileSystem().existsSync(join(folder, name)))
  if (!found)
    throw new ConfigError({
      where: folder,
      what: 'no ONNX model',
      expected: names.join(' or '),
      found: fileSystem().readdirSync(folder).slice(0, 12).join(', '),
    })
  const config = readJson(join(folder, 'config.json')) as OnnxModel['config']
  if (typeof config.model_type !== 'string')
    throw new ConfigError({ where: join(folder, 'config.json'), what: 'no model_type', fix: 'Add it: bert, llama, ... It decides how parameters are named.' })
  const path = join(folder, found)
  const graph = foldLinear(simplify(readModel(readFile(path), { where: path, externalData: externalDataOf(dirname(path)), widen: true })))
  canonicalize(graph, config.model_type)
  return { model: { graph, trainable: new Set() }, config, tokenizer: await readTokenizer(folder), folder }
}

async function download(name: string, file: string | undefined, options: HubOptions): Promise<string> {
  const needed = (path: string) => ({ path })
  const optional = (path: string) => ({ path, optional: true })
  const onnx = file === undefined ? candidates : [file]
  const data = onnx.flatMap((path) => [optional(`${path}_data`), optional(path.replace(/\.onnx$/, '.onnx.data'))])
  const [config] = await hubFiles(name, [needed('config.json'), needed('tokenizer.json'), optional('tokenizer_config.json')], options)
  // The first ONNX file that there is: a repository may hold the model in many precisions, each as large as it.
  for (const path of onnx) {
    const [found] = await hubFiles(name, [optional(path)], options)
    if (!found) continue
    await hubFiles(
      name,
      data.filter((entry) => entry.path.startsWith(path)),
      options,
    )
    break
  }
  return paths().dirname(config as string)
}
