// Loads GPT-2 from a folder or from the hub: config.json and model.safetensors, in one file or in shards.

import { type HubOptions, hubFiles, isFolder, pickleFix, readTokenizer, type Tokenizer } from '@cola/data'
import type { Model, Tensor } from '@cola/graph'
import { readSafetensorsFile } from '@cola/train'
import { fileSystem, paths, readJson } from '@cola/train/files'
import { WeightsError } from '../errors.ts'
import { type Gpt2Config, parseGpt2Config } from '../gpt2/config.ts'
import { gpt2, type Gpt2Options } from '../gpt2/graph.ts'
import { gpt2Parameters } from '../gpt2/parameters.ts'
import { companionFiles } from '../onnx/open.ts'

export interface PretrainedOptions extends Gpt2Options, HubOptions {
  /** Classes of a new classification head. @default config.json's, or 2 */
  num_labels?: number
  /** Seed of a head that the checkpoint does not have. @default 0 */
  seed?: number
}

export interface Pretrained {
  model: Model
  /** The checkpoint's parameters under transformers' names, from which `gpt2` builds the model with another head. */
  parameters: ReadonlyMap<string, Tensor>
  config: Gpt2Config
  tokenizer: Tokenizer
  /** Folder that the files were read from. */
  folder: string
}

/**
 * Loads GPT-2 of any size. Weights stay on disk until a session reads them.
 * @param nameOrFolder A folder that exists, else the name of a repository on the hub.
 * @throws {ConfigError | WeightsError | FormatError | FileError | HubError | DataError} naming the file and what is
 * wrong in it.
 */
export async function loadPretrained(nameOrFolder: string, options: PretrainedOptions = {}): Promise<Pretrained> {
  const folder = (await isFolder(nameOrFolder)) ? nameOrFolder : await download(nameOrFolder, options)
  const json = readJson(paths().join(folder, 'config.json')) as Record<string, unknown>
  const config = parseGpt2Config(
    options.num_labels === undefined ? json : { ...json, num_labels: options.num_labels, id2label: null },
    paths().join(folder, 'config.json'),
  )
  const parameters = gpt2Parameters(readWeights(folder), config, {
    ...(options.head ? { head: options.head } : {}),
    seed: options.seed ?? 0,
    where: folder,
  })
  return {
    model: gpt2(config, parameters, options),
    parameters,
    config,
    tokenizer: await readTokenizer(folder),
    folder,
  }
}

/** All tensors of model.safetensors, or of the shards that model.safetensors.index.json names. */
function readWeights(folder: string): Map<string, Tensor> {
  const { join, basename } = paths()
  const single = join(folder, 'model.safetensors')
  const index = join(folder, 'model.safetensors.index.json')
  if (fileSystem().existsSync(single)) return readSafetensorsFile(single).tensors
  if (!fileSystem().existsSync(index)) {
    const fix = pickleFix('model.safetensors', fileSystem().readdirSync(folder), { folder })
    throw new WeightsError({
      where: folder,
      what: 'no weights',
      expected: 'model.safetensors or model.safetensors.index.json',
      ...(fix ? { fix } : {}),
    })
  }
  const map = (readJson(index) as { weight_map?: Record<string, string> }).weight_map ?? {}
  const tensors = new Map<string, Tensor>()
  for (const shard of new Set(Object.values(map))) {
    if (basename(shard) !== shard)
      throw new WeightsError({ where: index, what: 'a shard outside the folder', found: shard })
    for (const [name, value] of readSafetensorsFile(join(folder, shard)).tensors) tensors.set(name, value)
  }
  return tensors
}

async function download(name: string, options: HubOptions): Promise<string> {
  const [config, single, index] = await hubFiles(
    name,
    [
      { path: 'config.json' },
      { path: 'model.safetensors', optional: true },
      { path: 'model.safetensors.index.json', optional: true },
      { path: 'tokenizer.json' },
      ...companionFiles,
    ],
    options,
  )
  // Not optional here: hubFiles throws an error that lists the files of the repository.
  if (!single && !index) await hubFiles(name, [{ path: 'model.safetensors' }], options)
  if (!single && index) {
    const { weight_map = {} } = readJson(index) as { weight_map?: Record<string, string> }
    await hubFiles(
      name,
      [...new Set(Object.values(weight_map))].map((path) => ({ path })),
      options,
    )
  }
  return paths().dirname(config as string)
}
