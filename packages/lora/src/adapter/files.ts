// Adapters as files and on the hub, in PEFT's format (save_pretrained): adapter_config.json and
// adapter_model.safetensors, head included.

import { requireKind } from '@cola/graph/door'
import { checkOptions, text } from '@cola/graph/options'
import {
  type Files,
  type FileSink,
  openFiles,
  placeOf,
  type PushOptions,
  pushToHub,
  type Source,
  pushChecks,
  sourceChecks,
  type SourceOptions,
} from '@cola/data'
import { serializeSafetensors, type Tensor, toFloat32 } from '@cola/graph'
import { filesOf, readJson, readSafetensors, sinkOf } from '@cola/train/files'
import { AdapterError, ConfigError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { parseAdapterConfig } from '../inject/config.ts'
import type { Head } from '../inject/head.ts'
import { requireModel } from '../inject/require-model.ts'
import type { AdapterConfigJson, ConfigOf, PeftType } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import { isAllLinear } from '../methods/patterns.ts'
import { check, headSchema } from '../schema.ts'
import { fileNames, savedParameters } from './names.ts'
import { isLora, plainAdapter } from './plain-adapter.ts'

/** An adapter as PEFT saves it: its configuration and its tensors. */
export interface Adapter<M extends PeftType = PeftType> {
  config: ConfigOf<M>
  /** Tensors under the names in the file. */
  tensors: Map<string, Tensor>
  /** For combined adapters: patterns that match no module, one sentence each. */
  warnings?: readonly string[]
  /** The head that the adapter was trained with; adapters that PEFT wrote do not record it. */
  head?: Head
}

const configFile = 'adapter_config.json'
const weightsFile = 'adapter_model.safetensors'
const headFile = 'head_config.json'

/**
 * Reads an adapter from a folder or files: PEFT's two files, and `head_config.json` where this library wrote the
 * adapter.
 * @throws {ConfigError | FormatError | FileError | AdapterError} naming the file and the field or tensor, also for
 * values that are NaN or infinite.
 */
export function readAdapter(folder: string | Files): Adapter {
  const files = filesOf(folder)
  const config = parseAdapterConfig(readJson(files, configFile) as object, placeOf(files, configFile))
  const { tensors } = readSafetensors(files, weightsFile)
  for (const [name, value] of tensors) requireFinite(value, `${placeOf(files, weightsFile)}, tensor "${name}"`)
  const head = files.has(headFile) ? parseHead(readJson(files, headFile), placeOf(files, headFile)) : undefined
  return { config, tensors, ...(head ? { head } : {}) }
}

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
    ...(id2label ? { labels: Array.from({ length: rest.num_labels }, (_, i) => id2label[i] ?? `LABEL_${i}`) } : {}),
  }
}

const trainsHead = ({ trainable }: AdaptedModel, { name }: Head): boolean =>
  [...trainable].some((parameter) => parameter.startsWith(`${name}.`))

function headJson({ name, labels, num_labels, pooling }: Head): string {
  const json = {
    head: name,
    num_labels,
    pooling,
    ...(labels ? { id2label: Object.fromEntries(labels.entries()) } : {}),
  }
  return `${JSON.stringify(json, null, 2)}\n`
}

/**
 * Reads an adapter from a folder, a repository on the hub, an address, picked files or bytes.
 * @throws {HubError | DataError | ConfigError | FormatError | FileError} naming the URL or file, and the field or
 * tensor.
 */
export async function openAdapter(source: Source, options: SourceOptions = {}): Promise<Adapter> {
  checkOptions('openAdapter', options, sourceChecks)
  const files = await openFiles(source, { ...options, files: [] })
  await files.fetch?.([{ path: configFile }, { path: weightsFile }, { path: headFile, optional: true }])
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

/** The text of adapter_config.json: sorted keys, indent 2, inference_mode on. */
export function adapterConfigJson(config: AdapterConfigJson): string {
  requireKind('adapterConfigJson, config', config, 'object')
  const full: Record<string, unknown> = { ...config, inference_mode: true }
  return `${JSON.stringify(
    Object.fromEntries(
      Object.keys(full)
        .sort()
        .map((key) => [key, full[key]]),
    ),
    null,
    2,
  )}\n`
}

/**
 * Writes an adapter, to a folder or a sink, that PEFT's from_pretrained reads, with `head_config.json` where the head is
 * known. An adapter that was initialized from a part of the base matrices (PiSSA, OLoRA) is written as a plain adapter
 * of the unchanged model, with twice the rank.
 * @throws {FileError} when the folder cannot be written; {ConfigError} for an option that is unknown.
 */
export function writeAdapter(
  folder: string | FileSink,
  trained: AdaptedModel,
  options: { baseModel?: string } = {},
): void {
  checkOptions('writeAdapter', options, { baseModel: text })
  const { baseModel } = options
  const sink = sinkOf(folder)
  for (const [name, content] of Object.entries(adapterFiles(trained, baseModel))) sink.write(name, [content])
}

/**
 * Pushes the files of {@link writeAdapter} to a model repository on the hub.
 * @returns The id of the commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable; {ConfigError} for an option that is unknown or out
 * of its range.
 */
export async function pushAdapter(
  repo: string,
  trained: AdaptedModel,
  options: { baseModel?: string } & Omit<PushOptions, 'files'> = {},
): Promise<string> {
  const { files: _, ...checks } = pushChecks
  checkOptions('pushAdapter', options, { baseModel: text, ...checks })
  const { baseModel, ...rest } = options
  requireModel('pushAdapter, trained', trained, 'adapted')
  return pushToHub(repo, { files: adapterFiles(trained, baseModel), ...rest })
}

/** The files of an adapter's folder. The configuration is last, so that a folder that has one is complete. */
function adapterFiles(trained: AdaptedModel, baseModel: string | undefined): Record<string, Uint8Array> {
  const model = isLora(trained) && trained.initial.size ? plainAdapter(trained) : trained
  const base = baseModel === undefined ? {} : { base_model_name_or_path: baseModel }
  const config = { ...model.config, ...targetNames(model), ...base }
  const text = (content: string) => new TextEncoder().encode(content)
  return {
    [weightsFile]: serializeSafetensors(adapterTensors(model), { format: 'pt' }),
    'README.md': text(modelCard(config, model.head)),
    ...(model.head && trainsHead(model, model.head) ? { [headFile]: text(headJson(model.head)) } : {}),
    [configFile]: text(adapterConfigJson(config)),
  }
}

/**
 * Replaces `all-linear` by the names of the adapted modules, as PEFT does. The model that loads the adapter may have
 * more linear layers, such as a pooler, and PEFT would miss their tensors.
 */
const targetNames = ({ config: { target_modules }, targets }: AdaptedModel) =>
  isAllLinear(target_modules) ? { target_modules: targets.map(({ module }) => module).sort() } : {}

/** What a card says of heads that read otherwise than transformers' classes do, which PEFT does not know. */
const readsOtherwise: Partial<Record<Head['pooling'], string>> = {
  mean: 'the mean of the last hidden states',
  first: 'the last hidden state of the first token',
}

function modelCard(config: AdapterConfigJson, head: Head | undefined): string {
  const { base_model_name_or_path: base, peft_type } = config
  const { title, summary } = methodOf(config)
  const baseLine = base ? `base_model: ${base}\n` : ''
  const metadata = `---\n${baseLine}library_name: peft\ntags:\n- ${peft_type.toLowerCase()}\n---\n`
  const use = "Trained with @cola/lora on ONNX Runtime; PEFT's `PeftModel.from_pretrained` loads this folder."
  const read = head && readsOtherwise[head.pooling]
  const headNote = read
    ? `\nIts head \`${head.name}\` reads ${read} (\`${headFile}\`); transformers' class, which PEFT takes, may not.\n`
    : ''
  return `${metadata}\n# ${title} adapter\n\n${summary(config)} ${use}\n${headNote}`
}
