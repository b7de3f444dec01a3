// Adapters from files and from the hub, in PEFT's format (save_pretrained): adapter_config.json and
// adapter_model.safetensors, head included; and what such files hold of a model.

import {
  defaultLabels,
  type Files,
  openFiles,
  placeOf,
  type Source,
  sourceChecks,
  type SourceOptions,
} from '@cola/data'
import { type Tensor, toFloat32 } from '@cola/graph'
import { checkOptions } from '@cola/graph/options'
import { filesOf, readJson, readSafetensors } from '@cola/train/files'
import { AdapterError, ConfigError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { parseAdapterConfig } from '../inject/config.ts'
import type { Head } from '../inject/head.ts'
import { requireModel } from '../inject/require-model.ts'
import type { ConfigOf, PeftType } from '../methods/method.ts'
import { check, headSchema, startSchema } from '../schema.ts'
import { requireFiles } from './require-files.ts'
import { fileNames, savedParameters } from './names.ts'

/** An adapter as PEFT saves it: its configuration and its tensors. */
export interface Adapter<M extends PeftType = PeftType> {
  config: ConfigOf<M>
  /** Tensors under the names in the file. */
  tensors: Map<string, Tensor>
  /** For combined adapters: patterns that match no module, one sentence each. */
  warnings?: readonly string[]
  /** The head that the adapter was trained with; adapters that PEFT wrote do not record it. */
  head?: Head
  /** Ids of the tokens that the tokenizer put before each text in training; known of what `fineTune` saved. */
  start_token_ids?: readonly number[]
}

export const configFile = 'adapter_config.json'
export const weightsFile = 'adapter_model.safetensors'
export const headFile = 'head_config.json'
/** What `fineTune` saves beside an adapter. */
export const settingsFile = 'fine_tuned.json'

/**
 * Reads an adapter from files that are there, without waiting: PEFT's two files, and `head_config.json` and
 * `fine_tuned.json` where this library wrote the adapter.
 * @throws {ConfigError | FormatError | FileError | AdapterError} naming the file and the field or tensor, also for
 * values that are NaN or infinite.
 */
export function readAdapter(folder: string | Files): Adapter {
  const files = filesOf(folder)
  const config = parseAdapterConfig(readJson(files, configFile) as object, placeOf(files, configFile))
  const { tensors } = readSafetensors(files, weightsFile)
  for (const [name, value] of tensors) requireFinite(value, `${placeOf(files, weightsFile)}, tensor "${name}"`)
  const head = files.has(headFile) ? parseHead(readJson(files, headFile), placeOf(files, headFile)) : undefined
  const { start_token_ids } = files.has(settingsFile) ? parseStart(files) : {}
  return { config, tensors, ...(head ? { head } : {}), ...(start_token_ids ? { start_token_ids } : {}) }
}

const parseStart = (files: Files) => check(startSchema, readJson(files, settingsFile), placeOf(files, settingsFile))

const floats: ReadonlySet<string> = new Set(['float32', 'float16', 'bfloat16', 'float64'])

function requireFinite(value: Tensor, where: string): void {
  if (!floats.has(value.dtype)) throw new AdapterError({ where, what: 'not a tensor of floats', found: value.dtype })
  const values = toFloat32(value)
  const index = values.findIndex((x) => !Number.isFinite(x))
  if (index >= 0)
    throw new AdapterError({
      where,
      what: 'not a finite number',
      found: `${values[index]} at element ${index}`,
      fix: 'Its training diverged, or the file is damaged: take an earlier checkpoint.',
    })
}

function parseHead(json: unknown, where: string): Head {
  const { head: name, id2label, ...rest } = check(headSchema, json, where)
  const names = Object.keys(id2label ?? {}).length
  if (id2label && names !== rest.num_labels)
    throw new ConfigError({
      where: `${where}, field "id2label"`,
      what: 'not one name for each class',
      expected: `${rest.num_labels}, as num_labels says`,
      found: String(names),
    })
  return {
    name,
    ...rest,
    ...(id2label ? { labels: defaultLabels(rest.num_labels, id2label) } : {}),
  }
}

/**
 * Reads an adapter from a folder, a repository on the hub, an address, picked files or bytes.
 * @throws {HubError | DataError | ConfigError | FormatError | FileError} naming the URL or file, and the field or
 * tensor.
 */
export async function openAdapter(source: Source, options: SourceOptions = {}): Promise<Adapter> {
  checkOptions('openAdapter', options, sourceChecks)
  await requireFiles('openAdapter', source)
  const files = await openFiles(source, { ...options, files: [] })
  await files.fetch?.([
    { path: configFile },
    { path: weightsFile },
    ...[headFile, settingsFile].map((path) => ({ path, optional: true })),
  ])
  return readAdapter(files)
}

/**
 * The tensors of an adapter file: the method's parameters, those trained in full, and other tensors of the file that
 * the adapter was loaded from; sorted by name, as PEFT sorts them.
 */
export function adapterTensors(model: AdaptedModel): Map<string, Tensor> {
  requireModel('adapterTensors', model, 'adapted')
  const names = fileNames(model)
  const read = (file: string, name: string): Tensor =>
    (file.includes('.original_module.') ? model.base : model.graph).initializers.get(name) as Tensor
  const trained = savedParameters(model).flatMap((name) => names(name).map((file) => [file, name] as const))
  const entries = [...new Map([...trained, ...model.held])].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(entries.map(([file, name]) => [file, read(file, name)]))
}

/** The adapter of a model, without the description of its head: for another graph of the same base. */
export const adapterOf = (model: AdaptedModel): Adapter => ({ config: model.config, tensors: adapterTensors(model) })
