// The folder of a distilled student: the model as PyTorch has it, its tokenizer, and beside them the classes as rows
// name them, and where texts are cut.

import { type Checks, checkValue, number, object, oneOf, whole } from '@cola/graph/options'
import { type Files, type FileSink, type Label, placeOf } from '@cola/data'
import { safetensorsChunks } from '@cola/graph'
import { saveStudent } from '@cola/rnn'
import { type Metrics, writeTokenizer } from '@cola/train'
import { readJson, writeJson } from '@cola/train/files'
import { areClasses } from './classes-of-run.ts'
import type { ServedContext } from './encode-rows.ts'
import type { TrainedStudent } from './student-model.ts'

export const settingsFile = 'distilled.json'

/** Contents of the file; JSON has no NaN. */
export interface SavedSettings {
  labels: readonly Label[]
  max_length: number
  metrics: Readonly<Record<string, number | null>>
}

/** Of the file: a later one may have other fields. */
const version = 1

interface Written extends SavedSettings {
  version: typeof version
}

const isClassList = (value: unknown): value is readonly Label[] => Array.isArray(value) && areClasses(value)
const areScores = (value: unknown): boolean =>
  object[1](value) && Object.values(value as object).every((score) => score === null || number[1](score))

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
  const settings: Written = { version, labels, max_length, metrics }
  writeJson(sink, settingsFile, settings)
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
  const checks: Checks<Written> = {
    version: oneOf([version]),
    labels: [`an array of ${classes} different names`, (value) => isClassList(value) && value.length === classes],
    max_length: whole(1),
    metrics: ['an object with numbers, or null for none', areScores],
  }
  for (const [name, check] of Object.entries(checks))
    checkValue(`${where}, field "${name}"`, (settings as Record<string, unknown>)[name], check)
  return settings as SavedSettings
}
