// A fine-tuned model as one ONNX model, merged, for any runtime.

import { type ModelFolder, writeModelFolder } from '@cola/train'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { merge } from '../inject/merge.ts'
import type { BaseModel } from '../load/base.ts'

export type FineTunedExportOptions = Pick<ModelFolder, 'dtype' | 'layout'>

export interface ExportParts {
  base: BaseModel
  adapter: AdaptedModel
  /** Fields that the task adds to config.json. */
  config: Readonly<Record<string, unknown>>
}

/**
 * Writes the merged model with its configuration and tokenizer.
 * @throws {AdapterError} when merging gives values that are not finite, and what `writeModelFolder` throws.
 */
export function exportFineTuned(folder: string, parts: ExportParts, options: FineTunedExportOptions = {}): void {
  const { base, adapter, config } = parts
  // Before anything is written: merging may fail.
  const graph = base.padded(merge(adapter))
  writeModelFolder({ ...options, folder, graph, config: { ...base.config, ...config }, tokenizerFolder: base.folder })
}
