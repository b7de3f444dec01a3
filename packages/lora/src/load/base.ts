// Opens base models of every kind: GPT-2 from safetensors or any ONNX model, from a folder, from the hub, or an already
// opened one.

import { fetchFiles, type Files, openFiles, type Source, sourceChecks } from '@cola/data'
import { checkOptions, optionsIn } from '@cola/graph/options'
import { filesOf, readJson } from '@cola/train/files'
import { requireFiles } from '../adapter/require-files.ts'
import { onnxFiles } from '../onnx/dtypes.ts'
import type { OnnxModel } from '../onnx/open.ts'
import { onnxModelChecks, type OnnxModelOptions, originOf } from '../onnx/open-options.ts'
import type { BaseModel } from './base-model.ts'
import type { Pretrained } from './pretrained.ts'

/** A source of files, or a model that `openBase`, `openOnnxModel` or `loadPretrained` returned. */
export type BaseModelSource = Source | BaseModel | OnnxModel | Pretrained

const isBase = (source: BaseModelSource): source is BaseModel =>
  // A fine-tuned classifier has `hiddenStates` too.
  typeof source === 'object' && source !== null && 'languageModel' in source && 'tokenizer' in source

/** Whether a model is open already. */
export const isOpen = (source: BaseModelSource): source is BaseModel | OnnxModel | Pretrained =>
  isBase(source) || isOpenModel(source)

const isOpenModel = (source: BaseModelSource): source is OnnxModel | Pretrained =>
  typeof source === 'object' && source !== null && 'model' in source && 'tokenizer' in source

// Each kind is loaded when a model of it is opened: bundles have a part of its own for each.
const gpt2Module = () => import('./gpt2-base.ts')
const onnxModule = () => import('./onnx-base.ts')

/**
 * Opens a base model: a folder or repository with an ONNX file by `openOnnxModel`, one with GPT-2's weights and no ONNX
 * file by `loadPretrained`. A model that is open already takes no options.
 * @throws {ConfigError | FormatError | GraphError | FileError | HubError | DataError} as those two do.
 */
export async function openBase(source: BaseModelSource, options: OnnxModelOptions = {}): Promise<BaseModel> {
  checkOptions('openBase', options, onnxModelChecks)
  if (isOpen(source)) {
    await refuseOptions(options)
    if (isBase(source)) return source
    if ('parameters' in source) return (await gpt2Module()).gpt2Base(source)
    return (await onnxModule()).onnxBase(source)
  }
  await requireFiles('openBase', source)
  const { file, dtype, ...others } = options
  const files = filesOf(await openFiles(source, { ...optionsIn(sourceChecks, options), files: [] }))
  if (file === undefined && dtype === undefined && (await isGpt2Checkpoint(files))) {
    const { gpt2Base, loadPretrained } = await gpt2Module()
    return gpt2Base(await loadPretrained(files, originOf(others)))
  }
  const { onnxBase, openOnnxModel } = await onnxModule()
  return onnxBase(await openOnnxModel(files, options))
}

/** @throws {ConfigError} for options of a model that is open already. */
async function refuseOptions(options: OnnxModelOptions): Promise<void> {
  const name = Object.entries(options).find(([, value]) => value !== undefined)?.[0]
  // A part of its own in bundles.
  if (name !== undefined) throw (await import('../onnx/open-errors.ts')).isOpenAlready(name)
}

/** Whether a source has GPT-2's weights and no ONNX file. */
async function isGpt2Checkpoint(files: Files): Promise<boolean> {
  await fetchFiles(files, [{ path: 'config.json', optional: true }])
  if (!files.has('config.json')) return false
  if ((readJson(files, 'config.json') as { model_type?: unknown } | null)?.model_type !== 'gpt2') return false
  for (const path of onnxFiles) {
    await fetchFiles(files, [{ path, optional: true }])
    if (files.has(path)) return false
  }
  return true
}
