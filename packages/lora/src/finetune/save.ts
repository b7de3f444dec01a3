// The folder of a fine-tuned model: the adapter as PEFT has it, its tokenizer, and what opens base and task again.

import { type Files, type FileSink, placeOf } from '@cola/data'
import { copyTokenizer, type Metrics } from '@cola/train'
import { fileSystem, paths, readJson, sinkOf, writeJson } from '@cola/train/files'
import { settingsFile } from '../adapter/files.ts'
import { writeAdapter } from '../adapter/write.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { startTokenIds } from '../inject/start-tokens.ts'
import type { BaseModel } from '../load/base-model.ts'
import { check, type FineTunedJson, fineTunedSchema } from '../schema.ts'
import type { TaskType, TaskTypes } from '../tasks/task.ts'
import { isLostPath, missingBase } from './missing-base.ts'

/**
 * Contents of the file: the task with its settings, and where the base is; of a folder, also its path from this one.
 */
export type SavedSettings = FineTunedJson

export interface SaveOptions<T extends TaskType> {
  base: BaseModel
  adapter: AdaptedModel
  settings: TaskTypes[T]['settings']
  max_length: number
  metrics: Metrics
  task: { taskType: TaskType }
}

/** Writes the folder, or to a sink. @throws {FileError} when it cannot be written. */
export function saveFineTuned<T extends TaskType>(folder: string | FileSink, options: SaveOptions<T>): void {
  const { base, adapter, settings, max_length, metrics, task } = options
  const start_token_ids = startTokenIds(base.tokenizer)
  const sink = sinkOf(folder)
  copyTokenizer(base.files, sink)
  const saved: SavedSettings = {
    version: 1,
    task_type: task.taskType,
    settings: settings as object as FineTunedJson['settings'],
    max_length: Number.isFinite(max_length) ? max_length : null,
    base: {
      name: base.name,
      ...base.origin,
      ...relativePath(folder, base),
    },
    metrics,
    ...(start_token_ids ? { start_token_ids } : {}),
  }
  writeAdapter(sink, adapter, { baseModel: base.name })
  writeJson(sink, settingsFile, saved)
}

/** The path of a base model's folder from another folder. */
function relativePath(folder: string | FileSink, { name, files }: BaseModel): { path?: string } {
  if (typeof folder !== 'string' || !files.path || !fileSystem().existsSync(name)) return {}
  const { relative, resolve } = paths()
  return { path: relative(resolve(folder), resolve(name)) }
}

/**
 * Reads what `saveFineTuned` wrote beside the adapter.
 * @throws {FileError | ConfigError} when it is not there, or not of this library.
 */
export const readSettings = (files: Files): SavedSettings =>
  check(fineTunedSchema, readJson(files, settingsFile), placeOf(files, settingsFile))

/**
 * Where the base model is: its name, or its path from the folder.
 * @throws {ConfigError} when a folder is in neither place.
 */
export function baseOf(files: Files, { base }: SavedSettings): string {
  if (base.path === undefined && !isLostPath(base.name)) return base.name
  const places =
    files.path && base.path !== undefined
      ? [base.name, paths().resolve(paths().dirname(files.path(settingsFile)), base.path)]
      : []
  const found = places.find((place) => fileSystem().existsSync(place))
  if (found !== undefined) return found
  throw missingBase(placeOf(files, settingsFile), places.join(' or ') || base.name)
}
