// What a folder is that is given for an adapter and is none, or one of another task. Loaded for such a folder.

import { type Files, HubError, openFiles } from '@cola/data'
import type { Problem } from '@cola/graph'
import { configFile, settingsFile, weightsFile } from '../adapter/files.ts'
import { ConfigError } from '../errors.ts'
import { type BaseModelSource, isOpen } from '../load/base.ts'
import { isTaskType } from '../tasks/tasks.ts'

const ofAdapter = 'an adapter, of PEFT too, by loadFineTuned(adapter, { base }) with this folder as base'

/** How a folder without an adapter is opened, by a file that it has. */
const others: readonly (readonly [end: string, fix: string])[] = [
  [
    '.onnx',
    'What export() wrote is opened with loadClassifier of @cola/train; a base model is tuned by fineTune, and opened ' +
      `with ${ofAdapter}.`,
  ],
  [
    '.safetensors',
    'A student of distill is opened with loadDistilled of @cola/distill; a base model is tuned by fineTune, and ' +
      `opened with ${ofAdapter}.`,
  ],
]

/** Whether a source of a base model holds an adapter, and no model. */
async function isAdapter(base: BaseModelSource): Promise<boolean> {
  if (isOpen(base)) return false
  try {
    const files = await openFiles(base, { files: [] })
    await files.fetch?.([configFile, 'config.json'].map((path) => ({ path, optional: true })))
    return files.has(configFile) && !files.has('config.json')
  } catch {
    return false
  }
}

/** What an adapter is given beside. */
export interface Beside {
  /** Its base, or what is taken for it. */
  readonly base: BaseModelSource
  /** How to write the call. */
  readonly call: string
}

/** What a folder is taken for, in words. */
interface Wanted {
  /** What it is not. */
  readonly what: string
  /** What is an adapter, where the two are swapped. */
  readonly swapped: string
  readonly expected: string
  /** How to write the call. */
  readonly call: string
  /** What to do with what it is. */
  readonly fix: string | undefined
  /** What to do where that is not known, nor why a file is not there. */
  readonly otherwise?: string
}

/** The error for files that are no adapter, beside a base that is perhaps one. */
async function notWanted(files: Files, base: BaseModelSource | undefined, wanted: Wanted): Promise<ConfigError> {
  const { what, swapped, expected, call, fix, otherwise } = wanted
  const isSwapped = base !== undefined && (await isAdapter(base))
  const answer = answerOf(files)
  return new ConfigError({
    where: files.where,
    what: isSwapped ? `base and adapter are swapped: this is no adapter, and the ${swapped} is one` : what,
    expected,
    found: files.names().slice(0, 12).join(', ') || answer?.what || 'no files',
    fix: isSwapped ? `Swap them: ${call}.` : (fix ?? answer?.fix ?? otherwise),
  })
}

/** What else a folder may be. */
const otherOf = (files: Files) => others.find(([end]) => files.names().some((name) => name.endsWith(end)))

/** What is given as an adapter and is none, beside a base that is perhaps one. */
export const notAnAdapter = (files: Files, { base, call }: Beside): Promise<ConfigError> =>
  notWanted(files, base, {
    what: 'not an adapter',
    swapped: 'base',
    expected: `${configFile} and ${weightsFile}`,
    call,
    fix: otherOf(files)
      ? `A model is a base, and comes first: ${call}; where there is no adapter, leave it out.`
      : undefined,
    otherwise: 'Give the folder that save() or PEFT wrote.',
  })

/** A folder that neither `save` nor PEFT wrote. */
export const noAdapter = (files: Files, base?: BaseModelSource): Promise<ConfigError> =>
  notWanted(files, base, {
    what: `no ${settingsFile}: not the folder of a fine-tuned model`,
    swapped: 'option base',
    expected: `a folder that save() wrote, or an adapter of PEFT's, with ${configFile}`,
    call: 'loadFineTuned(adapter, { base })',
    fix: otherOf(files)?.[1],
  })

/** What an address gave in place of the file. */
function answerOf(files: Files): Problem | undefined {
  try {
    files.read(configFile)
  } catch (error) {
    if (error instanceof HubError) return error.problem
  }
  return undefined
}

/** A model of another task than the one that was asked for. */
export const otherTask = (found: string, expected: string, { where }: Files): ConfigError =>
  new ConfigError({
    where: `${where}, field "task_type"`,
    what: 'fine-tuned for another task',
    expected,
    found,
    fix: isTaskType(found)
      ? `Write loadFineTuned(folder, { task: '${found}' }).`
      : `${found} is none of the tasks here: loadAdapter(model, adapter) gives the graph of a model that was exported for it.`,
  })
