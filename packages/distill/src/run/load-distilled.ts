// Opens a distilled student that was saved.

import { callable, type Checks, checkOptions, list, object, optionsIn, text, whole } from '@cola/graph/options'
import {
  fetchFiles,
  type Files,
  type Label,
  openFiles,
  placeOf,
  readTokenizer,
  type Source,
  sourceChecks,
  type SourceOptions,
} from '@cola/data'
import { distilRnnInference, loadStudent } from '@cola/rnn'
import { ConfigError, defaultDevice, type Device } from '@cola/train'
import { filesOf, readJson } from '@cola/train/files'
import { labelsOfFolder } from './labels-of-folder.ts'
import { type ComputeMetrics, loopDefaults, longestOf } from './options.ts'
import { readSettings, settingsFile } from './save-distilled.ts'
import { ofClasses, scorer } from './scorer.ts'
import { type StudentClassifier, studentClassifier } from './student-classifier.ts'
import { inferringStudent } from './student-model.ts'

/** Options of {@link loadDistilled}. @typeParam L Names of the classes, by the option labels. */
export interface LoadDistilledOptions<L extends Label = Label> extends SourceOptions {
  /**
   * Names of the classes of a student that `saveStudent` wrote, in the order of its logits. What `save` wrote has them:
   * others are refused.
   * @default those of the folder, else LABEL_0, LABEL_1, ...
   */
  labels?: readonly L[]
  /** Scores of `evaluate` from predicted and true classes, by index. @default classificationMetrics of @cola/data */
  compute_metrics?: ComputeMetrics
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
  /** Rows of a batch. @default 64 */
  batch_size?: number
  /** Told when texts are cut to the student's longest, and when a browser stores nothing. @default not */
  onWarning?: (warning: { message: string }) => void
}

const checks: Checks<LoadDistilledOptions> = {
  ...sourceChecks,
  labels: list,
  compute_metrics: callable,
  device: text,
  batch_size: whole(1),
}

/**
 * Opens what a distilled student's `save` wrote, or `saveStudent` of @cola/rnn with a tokenizer: a student of @cola/rnn
 * that classifies, is scored, saved and exported. The session opens with its first text.
 * @param source A folder, a repository on the hub, an address, picked files or bytes.
 * @throws {ConfigError | WeightsError | FormatError | FileError} naming the file and the field or tensor: not such a
 * folder, a student of another kind; or the option that is unknown or out of its range.
 */
export async function loadDistilled<const L extends Label = Label>(
  source: Source,
  options: LoadDistilledOptions<L> = {},
): Promise<StudentClassifier<L>> {
  checkOptions('loadDistilled', options, checks)
  const { device = defaultDevice(), batch_size = loopDefaults.eval_batch_size, onWarning } = options
  const { compute_metrics = ofClasses } = options
  const files = filesOf(await openFiles(source, { ...optionsIn(sourceChecks, options), files: [] }))
  await fetchFiles(
    files,
    ['config.json', 'model.safetensors', settingsFile].map((path) => ({ path, optional: true })),
  )
  requireStudent(files)
  const { config, parameters } = await loadStudent(files)
  const tokenizer = await readTokenizer(files)
  const settings = readSettings(files, config.num_labels)
  const labels = labelsOfFolder(config, settings?.labels, options.labels)
  const opened = studentClassifier({
    student: inferringStudent({ config, parameters, graph: distilRnnInference(config, parameters) }),
    context: {
      tokenizer,
      labels,
      max_length: settings?.max_length ?? longestOf(tokenizer),
      vocab_size: config.vocab_size,
    },
    metrics: Object.fromEntries(
      Object.entries(settings?.metrics ?? {}).map(([name, value]) => [name, value ?? Number.NaN]),
    ),
    score: scorer(compute_metrics, labels),
    device,
    batch_size,
    sources: {},
    onWarning: (message) => onWarning?.({ message }),
  })
  // The classes are those of the folder, whose names L are, or any.
  return opened as StudentClassifier<L>
}

/** What opens another folder, by the end of a file's name. */
const others: readonly (readonly [end: string, fix: string])[] = [
  ['.onnx', 'What export() wrote is opened with loadClassifier of @cola/train.'],
  ['adapter_config.json', 'An adapter is opened with loadFineTuned of @cola/lora.'],
]

/** @throws {ConfigError} for a folder that is not a saved student's, or one whose student was a model of one's own. */
function requireStudent(files: Files): void {
  const names = files.names()
  if (!files.has('config.json') || !files.has('model.safetensors'))
    throw new ConfigError({
      where: files.where,
      what: 'not the folder of a distilled student',
      expected: 'config.json and model.safetensors, as save() writes them',
      found: names.slice(0, 12).join(', ') || 'no files',
      fix: others.find(([end]) => names.some((name) => name.endsWith(end)))?.[1],
    })
  const config = readJson(files, 'config.json')
  const where = placeOf(files, 'config.json')
  if (!object[1](config)) throw new ConfigError({ where, what: 'no configuration', expected: 'an object' })
  const { model_type } = config as { model_type?: unknown }
  if (model_type === 'distil-rnn') return
  throw new ConfigError({
    where: `${where}, field "model_type"`,
    what: 'not a student of @cola/rnn',
    expected: 'distil-rnn',
    found: String(model_type),
    fix: "A student of one's own is saved without its graph: open what its export() wrote with loadClassifier of @cola/train.",
  })
}
