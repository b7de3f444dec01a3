// The layers of a head that an adapter leaves as they are, such as BERT's pooler: they are the base's. Loaded for a head
// of transformers'.

import type { Tensor } from '@cola/graph'
import type { Adapter } from '../adapter/files.ts'
import { bareName } from '../adapter/names.ts'
import { ConfigError } from '../errors.ts'
import { partsOf } from '../inject/head.ts'
import { moduleOf } from '../inject/linear.ts'
import { isSavedModule, withTaskHeads } from '../inject/saved.ts'
import type { BaseModel } from '../load/base-model.ts'
import { readWeights, weightsFile } from '../load/weights.ts'
import { baseModelPath } from '../onnx/prefixes.ts'
import type { LayeredHead } from '../tasks/head-option.ts'

/** What is trained in full, and the tensors of an adapter. */
export interface Trained {
  readonly config: Parameters<typeof withTaskHeads>[0]
  readonly tensors?: Adapter['tensors']
}

/**
 * The base with all parameters of a head of transformers' that the adapter does not train: where its ONNX file lacks
 * some, they are those of the checkpoint beside it, model.safetensors in one file or in shards.
 * @throws {ConfigError} for a layer that neither has, or has in part.
 */
export async function withHeadParameters(
  base: BaseModel,
  { layers }: LayeredHead,
  { config, tensors }: Trained,
): Promise<BaseModel> {
  const { modules_to_save } = withTaskHeads(config)
  const held = new Set([...(tensors?.keys() ?? [])].map(bareName))
  // Exporters leave out biases of zeros.
  const ofFile = (name: string): boolean =>
    base.parameters.has(name) || (name.endsWith('.bias') && base.parameters.has(`${moduleOf(name)}.weight`))
  const missing = partsOf(layers)
    .flatMap(({ module, bias = true }) => [`${module}.weight`, ...(bias ? [`${module}.bias`] : [])])
    .filter((name) => !isSavedModule(modules_to_save, moduleOf(name)) && !held.has(name) && !ofFile(name))
  if (missing.length === 0) return base
  const found = await fromCheckpoint(base, missing)
  const absent = missing.filter((name) => !found.has(name))
  if (absent.length > 0) throw lacks(base, absent, tensors !== undefined)
  return { ...base, parameters: new Map([...base.parameters, ...found]) }
}

/** Parameters of the checkpoint beside the model, whose names may lack the base model's path. */
async function fromCheckpoint({ files, config }: BaseModel, names: readonly string[]): Promise<Map<string, Tensor>> {
  const path = `${baseModelPath(config.model_type)}.`
  const bareOf = (name: string): string => (name.startsWith(path) ? name.slice(path.length) : name)
  const wanted = new Set(names.flatMap((name) => [name, bareOf(name)]))
  const tensors = await readWeights(files, (name) => wanted.has(name))
  return new Map(
    names.flatMap((name) => {
      const value = tensors?.get(name) ?? tensors?.get(bareOf(name))
      return value ? [[name, value] as const] : []
    }),
  )
}

/** @param isTrained Whether an adapter has the head already. */
function lacks({ name, config }: BaseModel, parameters: readonly string[], isTrained: boolean): ConfigError {
  const modules = [...new Set(parameters.map(moduleOf))]
  const isWhole = parameters.some((parameter) => parameter.endsWith('.weight'))
  const absent = isWhole ? modules : parameters
  const ofBase = modules.every((module) => module.startsWith(`${baseModelPath(config.model_type)}.`))
  return new ConfigError({
    where: `base ${name}`,
    what: `no ${isWhole ? 'weights of ' : ''}${absent.map((module) => `"${module}"`).join(', ')}, through which the head reads the text`,
    expected: ofBase
      ? `an ONNX file with them (the output pooler_output, or the task text-classification), or ${weightsFile} beside it`
      : `an export of a model that has them (the task text-classification), ${weightsFile}, or an adapter that holds them`,
    fix: ofBase
      ? `Put the checkpoint's ${weightsFile} beside the ONNX file, or export the base with its pooler` +
        (isTrained ? '.' : '; without the option head there is a linear layer on pooled hidden states.')
      : 'transformers draws them at random where the checkpoint has none, and PEFT saves them only if ' +
        `modules_to_save names them: train with modules_to_save ${JSON.stringify([...new Set(modules.map(first))])}.`,
  })
}

const first = (module: string): string => module.split('.')[0] as string
