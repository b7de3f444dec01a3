// A fine-tuned model as one ONNX model, for any runtime: its adapter merged, or beside the base's matrices.

import type { FileSink } from '@cola/data'
import type { Model } from '@cola/graph'
import { type Checks, checkOptions, flag } from '@cola/graph/options'
import { formChecks, type ModelFolder, modelFileOf, writeModelFolder } from '@cola/train'
import { pauses, sinkOf, writeJson } from '@cola/train/files'
import { adapterOf } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { type AdaptedModel, withTensorsOf } from '../inject/adapted-model.ts'
import { mergeWith } from '../inject/merge.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { ExportedExtras, TaskType } from '../tasks/task.ts'
import { inBitsOf, type Requantized } from '../onnx/requantize.ts'
import {
  cachedDecoder,
  decoderToWrite,
  inFormOf,
  storedAs,
  withoutFileFields,
  writeCompanions,
} from './export-decoder.ts'
import type { FineTunedParts } from './fine-tuned.ts'
import { refuseFolderOfBase } from './folder-of-base.ts'

/** Options of exporting a fine-tuned model. */
export interface FineTunedExportOptions extends Pick<ModelFolder, 'layout'> {
  /**
   * Type in which matrices are stored. `packed`: those that the base has in 4 or 8 bits keep their codes, or are rounded
   * to as many bits again where an adapter is merged into them; others are float32.
   * @default 'packed' for a base in 4 or 8 bits, 'float16' for a decoder's file in float16 with a cache, else 'float32'
   */
  dtype?: ModelFolder['dtype']
  /**
   * Whether the adapter is added to the base's matrices. `false` leaves these as they are and computes the adapter
   * beside them, in float32: for bases in 4 or 8 bits, whose merged matrices would be rounded again, this gives the
   * numbers of the fine-tuned model exactly, at the cost of two small products a layer.
   * @default true
   */
  merge?: boolean
}

/** What an export wrote. */
export interface FineTunedExport {
  /** Path of the ONNX file in the folder. */
  readonly file: string
  /** What the export lost where it rounded merged matrices to the bits of the base. @default nothing was rounded so */
  readonly requantized?: Requantized
}

const checks: Checks<FineTunedExportOptions> = { ...formChecks, merge: flag }

export interface ExportParts {
  base: BaseModel
  adapter: AdaptedModel
  /** Fields that the task adds to config.json. */
  config: Readonly<Record<string, unknown>>
  /** Whether the model generates: it is written with its cache, where it has one. @default false */
  generates?: boolean | undefined
  /** Longest input in tokens, where it is not the model's. @default the model's */
  max_length?: number | undefined
  /** What the task exports beside the trained model. @default nothing */
  extras?: ExportedExtras | undefined
}

/** What is written of a fine-tuned model. */
export const exportParts = <T extends TaskType>(
  { task, base, settings, max_length }: FineTunedParts<T>,
  adapter: AdaptedModel,
): ExportParts => ({
  base,
  adapter,
  config: task.config(settings, base),
  extras: task.exported?.(settings, base),
  generates: task.generates,
  // What generates goes on past the rows that it was trained on.
  max_length: !task.generates && max_length < base.max_length ? max_length : undefined,
})

/**
 * Writes the model with its configuration and tokenizer; a decoder in the form of its file.
 * @throws {ConfigError} for an unknown option, for the base model's own folder, and for a language model without a
 * cache in transformers.js's layout; {AdapterError} when merging gives values that are not finite; and what
 * `writeModelFolder` throws.
 */
export async function exportFineTuned(
  folder: string | FileSink,
  parts: ExportParts,
  options: FineTunedExportOptions = {},
): Promise<FineTunedExport> {
  const { base, adapter, extras } = parts
  checkOptions('export', options, checks)
  refuseFolderOfBase('export', folder, base)
  const { merge: merges = true, ...form } = options
  const cached = parts.generates ? cachedDecoder(base, form) : undefined
  const config = { ...base.config, ...parts.config }
  // The adapter's matrices are small, and rounding them would change what it does most.
  const keeps = (name: string): boolean => !merges && adapter.trainable.has(name)
  const limit = parts.max_length === undefined ? {} : { max_length: parts.max_length }
  const common = { folder, tokenizerFolder: base.files, keeps, ...limit }
  // Merging may fail: it comes before anything is written.
  const pause = pauses()
  const written = cached ? decoderToWrite(cached, adapter, merges, pause) : modelToWrite(parts, merges, pause)
  const whole = await base.padded(await written)
  await pause()
  const original = cached ?? { graph: adapter.base, float16: false }
  const stored = { ...form, dtype: form.dtype ?? storedAs(original) }
  const { graph: kept, ...lost } = stored.dtype === 'packed' ? inBitsOf(original.graph, whole) : { graph: whole }
  const graph = cached ? inFormOf(kept, stored.dtype) : kept
  const file = modelFileOf(stored, graph)
  await pause()
  writeModelFolder({ ...common, ...stored, graph, config: cached ? withoutFileFields(config) : config })
  if (cached) await writeCompanions(folder, base, { file, original: cached.graph })
  else for (const [path, content] of Object.entries(extras?.files ?? {})) writeJson(sinkOf(folder), path, content)
  return { file, ...lost }
}

/** The model that is written where it has no cache. */
async function modelToWrite(
  { adapter, extras }: ExportParts,
  merges: boolean,
  pause: ReturnType<typeof pauses>,
): Promise<Model> {
  if (!merges) return extras ? loadAdapter(extras.model, adapterOf(adapter)) : adapter
  const merged = await mergeWith(adapter, pause)
  return extras ? withTensorsOf(extras.model, merged) : merged
}
