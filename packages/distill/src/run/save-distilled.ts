// The folder of a distilled student: the model as PyTorch has it, its tokenizer, and beside them the classes as rows
// name them, and where texts are cut.

import { type Checks, checkValue, listOf, object, whole } from '@cola/graph/options'
import { type Files, type FileSink, isLabel, type Label, placeOf } from '@cola/data'
import { safetensorsChunks } from '@cola/graph'
import { saveStudent } from '@cola/rnn'
import { type Metrics, writeTokenizer } from '@cola/train'
import { readJson, writeJson } from '@cola/train/files'
import type { ServedContext } from './encode-rows.ts'
import type { TrainedStudent } from './student-model.ts'

export const settingsFile = 'distilled.json'

/** Contents of the file; JSON has no NaN. */
export interface SavedSettings {
  labels: readonly Label[]
  max_length: number
  metrics: Readonly<Record<string, number | null>>
}

/** Writes the folder. @throws {FileError} when it cannot be written. */
export function saveDistilled(
  sink: FileSink,
  { config, parameters }: TrainedStudent,
  { labels, tokenizer, max_length, metrics }: ServedContext & { metrics: Metrics },
): void {
  const id2label = Object.fromEntries(labels.map((label, i) => [i, String(label)]))
  if (config) saveStudent(sink, { config: { ...config, id2label }, parameters, tokenizer })
  else {
    writeTokenizer(tokenizer, sink)
    sink.write('model.safetensors', safetensorsChunks(parameters))
    writeJson(sink, 'config.json', { id2label })
  }
  const settings: SavedSettings = { labels, max_length, metrics }
  writeJson(sink, settingsFile, { version: 1, ...settings })
}

/**
 * Reads the file, which a folder of `saveStudent` lacks.
 * @throws {ConfigError} naming the field that is not what it should be; {FileError} when it cannot be read.
 */
export function readSettings(files: Files, classes: number): SavedSettings | undefined {
  if (!files.has(settingsFile)) return undefined
  const where = placeOf(files, settingsFile)
  const settings = readJson(files, settingsFile)
  checkValue(where, settings, object)
  const checks: Checks<SavedSettings> = {
    labels: listOf(['a string, a number or a boolean', isLabel], classes),
    max_length: whole(1),
    metrics: object,
  }
  for (const [name, check] of Object.entries(checks))
    checkValue(`${where}, field "${name}"`, (settings as Record<string, unknown>)[name], check)
  return settings as SavedSettings
}
