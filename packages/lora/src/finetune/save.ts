// The folder of a fine-tuned model: the adapter as PEFT has it, its tokenizer, and what opens base and task again.

import { copyTokenizer, type Metrics } from '@cola/train'
import { fileSystem, paths, readJson, writeFileAtomic } from '@cola/train/files'
import { writeAdapter } from '../adapter/files.ts'
import { ConfigError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import type { BaseModel } from '../load/base.ts'
import { check, type FineTunedJson, fineTunedSchema } from '../schema.ts'
import type { TaskType, TaskTypes } from '../tasks/task.ts'

/** File beside PEFT's with the task and the base model. */
const settingsFile = 'fine_tuned.json'

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

/** Writes the folder. @throws {FileError} when it cannot be written. */
export function saveFineTuned<T extends TaskType>(folder: string, options: SaveOptions<T>): void {
  const { base, adapter, settings, max_length, metrics, task } = options
  const { join, relative, resolve } = paths()
  copyTokenizer(base.folder, folder)
  const local = fileSystem().existsSync(base.name)
  const saved: SavedSettings = {
    version: 1,
    task_type: task.taskType,
    settings: settings as object as FineTunedJson['settings'],
    max_length: Number.isFinite(max_length) ? max_length : null,
    base: {
      name: base.name,
      ...base.origin,
      ...(local ? { path: relative(resolve(folder), resolve(base.name)) } : {}),
    },
    metrics,
  }
  writeAdapter(folder, adapter, { baseModel: base.name })
  writeFileAtomic(join(folder, settingsFile), `${JSON.stringify(saved, null, 2)}\n`)
}

/**
 * Reads what `saveFineTuned` wrote beside the adapter.
 * @throws {FileError | ConfigError} when it is not there, or not of this library.
 */
export function readSettings(folder: string): SavedSettings {
  const path = paths().join(folder, settingsFile)
  if (!fileSystem().existsSync(path))
    throw new ConfigError({
      where: folder,
      what: `no ${settingsFile}: not the folder of a fine-tuned model`,
      expected: 'a folder that save() wrote',
      fix: 'An adapter of PEFT is opened with readAdapter and loadAdapter.',
    })
  return check(fineTunedSchema, readJson(path), path)
}

/**
 * Path of the base model: its name, or its path relative to the folder. @throws {ConfigError} when a folder is in
 * neither place.
 */
export function baseOf(folder: string, { base }: SavedSettings): string {
  const { resolve } = paths()
  if (base.path === undefined) return base.name
  const found = [base.name, resolve(folder, base.path)].find((place) => fileSystem().existsSync(place))
  if (found !== undefined) return found
  throw new ConfigError({
    where: paths().join(folder, settingsFile),
    what: 'the base model is not where it was',
    expected: `${base.name} or ${resolve(folder, base.path)}`,
    fix: 'Name it: loadFineTuned(folder, { base }).',
  })
}
