// A fine-tuned model as one ONNX model, merged, for any runtime.

import type { FileSink } from '@cola/data'
import { type ModelFolder, writeModelFolder } from '@cola/train'
import { paths, sinkOf, writeJson } from '@cola/train/files'
import { type Checks, checkOptions, text } from '@cola/train/options'
import { ConfigError } from '../errors.ts'
import { type AdaptedModel, withTensorsOf } from '../inject/adapted-model.ts'
import { merge } from '../inject/merge.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { ExportedExtras } from '../tasks/task.ts'
import { mergedDecoder, storedAs, withoutFileFields, writeCompanions } from './export-decoder.ts'

/** Options of exporting a fine-tuned model. */
export type FineTunedExportOptions = Pick<ModelFolder, 'dtype' | 'layout'>

const checks: Checks<FineTunedExportOptions> = { dtype: text, layout: text }

export interface ExportParts {
  base: BaseModel
  adapter: AdaptedModel
  /** Fields that the task adds to config.json. */
  config: Readonly<Record<string, unknown>>
  /** The decoder that the task exports: with its cache, where its file has one. @default the trained model */
  decoder?: BaseModel['cachedLanguageModel'] | undefined
  /** What the task exports beside the trained model. @default nothing */
  extras?: ExportedExtras | undefined
}

/**
 * Writes the merged model with its configuration and tokenizer; a decoder in the form of its file.
 * @throws {ConfigError} for an unknown option, and for the base model's own folder; {AdapterError} when merging gives
 * values that are not finite; and what `writeModelFolder` throws.
 */
export async function exportFineTuned(
  folder: string | FileSink,
  parts: ExportParts,
  options: FineTunedExportOptions = {},
): Promise<void> {
  const { base, adapter, extras } = parts
  checkOptions('export', options, checks)
  if (isFolderOf(folder, base))
    throw new ConfigError({
      where: `export, folder ${base.folder}`,
      what: 'the base model lies there, which saved adapters need',
      fix: 'Choose another folder.',
    })
  const decoder = parts.decoder?.()
  const config = { ...base.config, ...parts.config }
  const common = { folder, tokenizerFolder: base.files }
  // Merging may fail: it comes before anything is written.
  if (decoder && 'float16' in decoder) {
    const form = { ...options, dtype: options.dtype ?? storedAs(decoder) }
    const graph = mergedDecoder(decoder, adapter)
    writeModelFolder({ ...common, ...form, graph, config: withoutFileFields(config) })
    return writeCompanions(folder, base, form)
  }
  const merged = merge(adapter)
  const graph = base.padded(extras ? withTensorsOf(extras.model, merged) : merged)
  writeModelFolder({ ...common, ...options, graph, config })
  for (const [path, content] of Object.entries(extras?.files ?? {})) writeJson(sinkOf(folder), path, content)
}

/** Whether a path is the folder of the base model. */
const isFolderOf = (path: string | FileSink, { files, folder }: BaseModel): boolean =>
  typeof path === 'string' && files.path !== undefined && paths().resolve(path) === paths().resolve(folder)
