// An adapter with what `save` wrote beside it, and a base model that reads texts as it did when the adapter was trained.

import { type Files, openFiles, type Source, type SourceOptions } from '@cola/data'
import { type Check, checkOptions, defined, optionsIn } from '@cola/graph/options'
import { type Adapter, configFile, openAdapter, settingsFile } from '../adapter/files.ts'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { OnnxModelOptions } from '../onnx/open-options.ts'
import type { Quantization } from '../onnx/quantization.ts'
import { openTokenizer, tokenizerChecks, type TokenizerOptions } from '../onnx/tokenizer-options.ts'
import type { TaskType, TypesOfTask, Task } from '../tasks/task.ts'
import type { Together } from './other-base.ts'
import { readSettings, type SavedSettings } from './save.ts'
import type { Beside } from './wrong-folder.ts'

/** An adapter that was opened. */
export interface SavedAdapter {
  readonly files: Files
  readonly adapter: Adapter
  /** What `save` wrote: an adapter that PEFT wrote has nothing of it. */
  readonly saved: SavedSettings | undefined
}

/**
 * @param beside What is given as its base, for errors.
 * @throws {ConfigError | FormatError | FileError | HubError | AdapterError} as `openAdapter` and `loadFineTuned` do.
 */
export async function openSavedAdapter(
  source: Source,
  beside: Beside,
  options: SourceOptions = {},
): Promise<SavedAdapter> {
  const files = await openFiles(source, { ...options, files: [] })
  await files.fetch?.([{ path: configFile, optional: true }])
  if (!files.has(configFile)) throw await (await import('./wrong-folder.ts')).notAnAdapter(files, beside)
  const adapter = await openAdapter(files)
  return { files, adapter, saved: files.has(settingsFile) ? readSettings(files) : undefined }
}

/**
 * What brings an adapter and a base together.
 * @param callWith How to write the call with another base.
 * @throws {AdapterError} where it fails because the adapter is for another base; else what it throws.
 */
export const together = <R>(both: Together, callWith: (base: string) => string, run: () => Promise<R>): Promise<R> =>
  run().catch(async (error) => {
    throw (await import('./other-base.ts')).otherBase(error, both, callWith)
  })

/** The tokenizer's options that a base was opened with. */
export const tokenizerOptionsOf = ({ base }: SavedSettings): TokenizerOptions =>
  optionsIn(tokenizerChecks, base as TokenizerOptions)

/** The quantization of the base in training. */
export const quantizationOf = ({ base }: SavedSettings): Quantization | undefined =>
  base.quantization as Quantization | undefined

/**
 * The file that an adapter was trained on, where the training asked for one and the options do not.
 * @returns An option of opening the base, where the base has the file.
 */
export async function openedFrom(
  source: Source,
  saved: SavedSettings | undefined,
  open: OnnxModelOptions = {},
): Promise<OnnxModelOptions> {
  const file = saved?.base.file
  if (file === undefined || open.file !== undefined || open.dtype !== undefined) return {}
  return (await import('./file-of-training.ts')).fileIn(source, file, open)
}

/**
 * Tells of a base in other bits, or from another file, than an adapter was trained on; of one that was not saved here
 * nothing is known.
 */
export async function warnOfBits(
  what: string,
  saved: SavedSettings | undefined,
  base: BaseModel,
  warn: (message: string) => void,
): Promise<void> {
  const file = saved?.base.file
  // Parts of their own in bundles.
  const from = file === undefined ? undefined : (await import('./file-of-training.ts')).otherFile(what, file, base)
  if (from !== undefined) warn(from)
  const { origin } = base
  const trained = saved && quantizationOf(saved)
  if (!saved || (trained === undefined && origin.quantization === undefined)) return
  const { otherQuantization } = await import('../onnx/other-quantization.ts')
  const other = otherQuantization(what, trained, origin.quantization)
  if (other !== undefined) warn(other)
}

/**
 * Options of opening a base, where none is set those of before; a start token and its name, and a file and a precision,
 * go together.
 */
export function openedAs(before: OnnxModelOptions, options: OnnxModelOptions = {}): OnnxModelOptions {
  const given = defined(options)
  const together = [
    ['add_bos_token', 'bos_token'],
    ['file', 'dtype'],
  ].filter((names) => names.some((name) => name in given))
  const kept = Object.entries(before).filter(([name]) => !together.flat().includes(name))
  return { ...Object.fromEntries(kept), ...given }
}

/** An open base with the chat template that an adapter was trained with, unless it was opened with one. */
export async function withChatTemplate(base: BaseModel, saved: SavedSettings | undefined): Promise<BaseModel> {
  const chat_template = saved?.base.chat_template
  if (chat_template === undefined || base.origin.chat_template !== undefined) return base
  const { tokenizer, files } = await openTokenizer(base.files, { chat_template })
  return { ...base, tokenizer, files, origin: { ...base.origin, chat_template } }
}

/** @throws {ConfigError} for a model of another task. */
export async function requireTask(found: string, { taskType }: { taskType: TaskType }, files: Files): Promise<void> {
  if (found !== taskType) throw (await import('./wrong-folder.ts')).otherTask(found, taskType, files)
}

/**
 * The settings of a task that were saved.
 * @throws {ConfigError} for settings that do not belong to the task, such as those of a damaged file.
 */
export function settingsOf<T extends TypesOfTask>(
  { settings }: SavedSettings,
  { saved: checks }: Pick<Task<T>, 'saved'>,
  { where: folder }: Files,
): T['settings'] {
  const where = `${folder}, ${settingsFile}, settings`
  checkOptions(where, settings, checks)
  const rows: Readonly<Record<string, Check>> = checks
  const missing = Object.entries(rows).find(([name, [, holds]]) => !(name in settings) && !holds(undefined))
  if (missing)
    throw new ConfigError({
      where,
      what: 'a setting is missing',
      expected: `${missing[0]}: ${missing[1][0]}`,
      found: Object.keys(settings).join(', ') || 'none',
    })
  return settings as object as T['settings']
}
