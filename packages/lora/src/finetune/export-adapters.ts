// A decoder with several adapters as inputs, for programs that switch them without loading the base again.

import { requireKind } from '@cola/graph/door'
import type { DirectoryHandle, FileSink } from '@cola/data'
import { float32, safetensorsChunks } from '@cola/graph'
import { type Batch, formChecks, type ModelFolder, modelFileOf, writeModelFolder } from '@cola/train'
import { sinkOf, stored } from '@cola/train/files'
import { type Check, checkOptions, type Checks, checkValue } from '@cola/graph/options'
import type { Adapter } from '../adapter/files.ts'
import { onnxAdapter } from '../adapter/onnx-adapter.ts'
import { switchable, switchableChecks, type SwitchableOptions } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'
import { inFormOf, storedAs, withoutFileFields, writeCompanions } from './export-decoder.ts'
import { refuseFolderOfBase } from './folder-of-base.ts'

/** Options of {@link exportAdapters}. */
export interface AdaptersExportOptions extends Pick<ModelFolder, 'dtype' | 'layout'>, SwitchableOptions {}

const checks: Checks<AdaptersExportOptions> = {
  ...formChecks,
  ...switchableChecks,
}

const isBase: Check = [
  'what openBase gives',
  (value) => typeof (value as Partial<BaseModel> | null | undefined)?.cachedLanguageModel === 'function',
]

const nameOfFile = /^\w[\w.-]*$/

/**
 * Writes a decoder in the form of its file, with its cache, whose adapters are inputs. With `inputs: 'required'`, for
 * JavaScript, each adapter is `adapters/NAME.safetensors` with a tensor for each input, and the scalar input
 * `lora_scale` is 1, or 0 for the base; with `'overridable'`, for onnxruntime-genai and native ONNX Runtime, it is
 * `adapters/NAME.onnx_adapter`, and without one the base answers.
 * @throws {ConfigError} for a base without a cache and its own folder, an unknown option, or a name that is no file's;
 * {AdapterError} as `switchable` does; {FileError} when the folder cannot be written.
 */
export const exportAdapters = (
  target: string | FileSink | DirectoryHandle,
  base: BaseModel,
  adapters: Readonly<Record<string, Adapter>>,
  options: AdaptersExportOptions = {},
): Promise<void> => stored(target, (folder) => write(folder, base, adapters, options))

async function write(
  folder: string | FileSink,
  base: BaseModel,
  adapters: Readonly<Record<string, Adapter>>,
  options: AdaptersExportOptions,
): Promise<void> {
  checkOptions('exportAdapters', options, checks)
  const sink = sinkOf(folder)
  checkValue('exportAdapters, base', base, isBase)
  refuseFolderOfBase('exportAdapters', folder, base)
  requireKind('exportAdapters, adapters', adapters, 'object')
  const { dtype, layout = 'flat', inputs = 'required' } = options
  requireNames(Object.keys(adapters))
  const decoder = base.cachedLanguageModel()
  if (!decoder || !('float16' in decoder))
    throw new ConfigError({
      where: `exportAdapters, base ${base.name}`,
      what: 'no file with a cache of keys and values',
      expected: 'a decoder with inputs such as past_key_values.0.key',
      fix: 'Merge each adapter, and export the merged models.',
    })
  const model = switchable(decoder, adapters, { inputs })
  const form = { dtype: dtype ?? storedAs(decoder), layout }
  const config = withoutFileFields(base.config)
  const graph = inFormOf(model.graph, form.dtype)
  writeModelFolder({ ...form, folder, graph, config, tokenizerFolder: base.files })
  for (const name of model.adapters) {
    if (inputs === 'overridable') sink.write(`adapters/${name}.onnx_adapter`, [onnxAdapter(model, name)])
    else sink.write(`adapters/${name}.safetensors`, safetensorsChunks(matricesOf(model.feeds(name))))
  }
  await writeCompanions(folder, base, { file: modelFileOf(form, graph), original: decoder.graph })
}

/** @throws {ConfigError} for a name that is not one of a file. */
function requireNames(names: readonly string[]): void {
  const wrong = names.find((name) => !nameOfFile.test(name))
  if (wrong !== undefined)
    throw new ConfigError({
      where: `exportAdapters, adapter "${wrong}"`,
      what: 'not a name of a file',
      expected: 'letters, digits, dots, dashes and underscores',
    })
}

/** The matrices of an adapter by the names of the model's inputs. */
const matricesOf = ({ lora_scale: _, ...matrices }: Batch) =>
  new Map(Object.entries(matrices).map(([name, { data, dims }]) => [name, float32(dims, data as Float32Array)]))
