// What a folder is that loadFineTuned cannot open: none of a fine-tuned model, or one of another task. Loaded for such a
// folder.

import type { Files } from '@cola/data'
import { configFile, settingsFile } from '../adapter/files.ts'
import { ConfigError } from '../errors.ts'
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
    'A student of distill is opened with loadStudent of @cola/rnn; a base model is tuned by fineTune, and opened with ' +
      `${ofAdapter}.`,
  ],
]

/** A folder that neither `save` nor PEFT wrote. */
export function noAdapter(files: Files): ConfigError {
  const found = others.find(([end]) => files.names().some((name) => name.endsWith(end)))
  return new ConfigError({
    where: files.where,
    what: `no ${settingsFile}: not the folder of a fine-tuned model`,
    expected: `a folder that save() wrote, or an adapter of PEFT's, with ${configFile}`,
    found: files.names().slice(0, 12).join(', ') || 'no files',
    ...(found ? { fix: found[1] } : {}),
  })
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
