// Adapters on disk exactly as PEFT's save_pretrained has them: adapter_config.json and adapter_model.safetensors, head
// included.

import { type HubOptions, hubFiles, isFolder, type PushOptions, pushToHub } from '@cola/data'
import { serializeSafetensors, type Tensor, toFloat32 } from '@cola/graph'
import { fileSystem, paths, readJson, readSafetensorsFile, writeFileAtomic } from '@cola/train'
import { AdapterError } from '../errors.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { parseAdapterConfig } from '../inject/config.ts'
import type { Head } from '../inject/head.ts'
import type { AdapterConfigJson, ConfigOf, PeftType } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import { isAllLinear } from '../methods/patterns.ts'
import { check, headSchema } from '../schema.ts'
import { fileNames, savedParameters } from './names.ts'
import { isLora, plainAdapter } from './plain-adapter.ts'

export interface Adapter<M extends PeftType = PeftType> {
  config: ConfigOf<M>
  /** Tensors under the names in the file. */
  tensors: Map<string, Tensor>
  /** Of combined ones: patterns that match no module, one sentence each. */
  warnings?: readonly string[]
  /** What the head was trained as; PEFT's own adapters do not say it. */
  head?: Head
}

const headFile = 'head_config.json'

/**
 * Reads an adapter folder: PEFT's two files, and `head_config.json` where the adapter was written here.
 * @throws {ConfigError | FormatError | FileError | AdapterError} naming the file and the field or tensor: also for a
 * value that is NaN or infinite.
 */
export function readAdapter(folder: string): Adapter {
  const { join } = paths()
  const [path, weights, head] = ['adapter_config.json', 'adapter_model.safetensors', headFile].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  const config = parseAdapterConfig(readJson(path) as object, path)
  const { tensors } = readSafetensorsFile(weights)
  for (const [name, value] of tensors) requireFinite(value, `${weights}, tensor "${name}"`)
  return { config, tensors, ...(fileSystem().existsSync(head) ? { head: parseHead(readJson(head), head) } : {}) }
}

const floats: ReadonlySet<string> = new Set(['float32', 'float16', 'bfloat16', 'float64'])

function requireFinite(value: Tensor, where: string): void {
  if (!floats.has(value.dtype)) throw new AdapterError({ where, what: 'not a tensor of floats', found: value.dtype })
  const values = toFloat32(value)
  const at = values.findIndex((x) => !Number.isFinite(x))
  if (at >= 0)
    throw new AdapterError({
      where,
      what: 'not a finite number',
      found: `${values[at]} at element ${at}`,
      fix: 'Its training diverged, or the file is damaged: take an earlier checkpoint.',
    })
}

function parseHead(json: unknown, where: string): Head {
  const { head: name, id2label, ...rest } = check(headSchema, json, where)
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
 * An adapter from a folder that exists, else from the hub.
 * @throws {HubError | DataError | ConfigError | FormatError | FileError} naming the URL or file, and the field or
 * tensor.
 */
export async function openAdapter(nameOrFolder: string, options: HubOptions = {}): Promise<Adapter> {
  if (await isFolder(nameOrFolder)) return readAdapter(nameOrFolder)
  const wanted = [
    { path: 'adapter_config.json' },
    { path: 'adapter_model.safetensors' },
    { path: headFile, optional: true },
  ]
  const [config] = await hubFiles(nameOrFolder, wanted, options)
  return readAdapter(paths().dirname(config as string))
}

/**
 * The tensors of an adapter file: the method's parameters, what was trained in full, and what else the file that it came
 * from held; sorted as PEFT has them.
 */
export function adapterTensors(model: AdaptedModel): Map<string, Tensor> {
  const names = fileNames(model)
  const read = (file: string, name: string): Tensor =>
    (file.includes('.original_module.') ? model.base : model.graph).initializers.get(name) as Tensor
  const trained = savedParameters(model).flatMap((name) => names(name).map((file) => [file, name] as const))
  const entries = [...new Map([...trained, ...model.held])].sort(([a], [b]) => (a < b ? -1 : 1))
  return new Map(entries.map(([file, name]) => [file, read(file, name)]))
}

/** The configuration as adapter_config.json: sorted keys, indent 2, inference_mode on. */
export function adapterConfigJson(config: AdapterConfigJson): string {
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
 * Writes an adapter folder that PEFT's from_pretrained reads, with `head_config.json` beside it where the head is
 * known. One that started with a part of the base matrices (PiSSA, OLoRA) is written as a
 * plain adapter of the unchanged model, of twice the rank.
 * @throws {FileError} when it cannot be written.
 */
export function writeAdapter(folder: string, trained: AdaptedModel, { baseModel }: { baseModel?: string } = {}): void {
  const { join } = paths()
  for (const [name, content] of Object.entries(adapterFiles(trained, baseModel)))
    writeFileAtomic(join(folder, name), content)
}

/**
 * Pushes an adapter to a model repository on the hub, as {@link writeAdapter} would write it.
 * @returns The commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable.
 */
export const pushAdapter = (
  repo: string,
  trained: AdaptedModel,
  { baseModel, ...options }: { baseModel?: string } & Omit<PushOptions, 'files'> = {},
): Promise<string> => pushToHub(repo, { files: adapterFiles(trained, baseModel), ...options })

/** The files of an adapter's folder; its configuration last, so that a folder with one is whole. */
function adapterFiles(trained: AdaptedModel, baseModel: string | undefined): Record<string, Uint8Array> {
  const model = isLora(trained) && trained.initial.size ? plainAdapter(trained) : trained
  const base = baseModel === undefined ? {} : { base_model_name_or_path: baseModel }
  const config = { ...model.config, ...targetNames(model), ...base }
  const text = (content: string) => new TextEncoder().encode(content)
  return {
    'adapter_model.safetensors': serializeSafetensors(adapterTensors(model), { format: 'pt' }),
    'README.md': text(modelCard(config)),
    ...(model.head && trainsHead(model, model.head) ? { [headFile]: text(headJson(model.head)) } : {}),
    'adapter_config.json': text(adapterConfigJson(config)),
  }
}

/**
 * `all-linear` as the names of the modules that it was, as PEFT writes it: the model that an adapter is loaded into may
 * have more, such as a pooler, and PEFT would miss their tensors.
 */
const targetNames = ({ config: { target_modules }, targets }: AdaptedModel) =>
  isAllLinear(target_modules) ? { target_modules: targets.map(({ module }) => module).sort() } : {}

function modelCard(config: AdapterConfigJson): string {
  const { base_model_name_or_path: base, peft_type } = config
  const { title, summary } = methodOf(config)
  return `---\n${base ? `base_model: ${base}\n` : ''}library_name: peft\ntags:\n- ${peft_type.toLowerCase()}\n---\n\n# ${title} adapter\n\n${summary(config)} Trained with @cola/lora on ONNX Runtime; PEFT's \`PeftModel.from_pretrained\` loads this folder.\n`
}
