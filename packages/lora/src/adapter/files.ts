// Adapters on disk exactly as PEFT's save_pretrained has them: adapter_config.json and adapter_model.safetensors, head included.

import { type HubOptions, hubFiles, isFolder, type PushOptions, pushToHub } from '@cola/data'
import { cloneGraph, float32, type Model, serializeSafetensors, type Tensor, toFloat32 } from '@cola/graph'
import { paths, readJson, readSafetensorsFile, writeFileAtomic } from '@cola/train'
import { AdapterError } from '../errors.ts'
import { parseLoraConfig } from '../inject/config.ts'
import { loraNames, peftPrefix } from '../inject/layer.ts'
import { lora, type LoraModel, withParameters } from '../inject/lora.ts'
import type { LoraConfigJson } from '../schema.ts'

export interface Adapter {
  config: LoraConfigJson
  /** Tensors under the names in the file. */
  tensors: Map<string, Tensor>
  /** Of combined ones: patterns that match no module, one sentence each. */
  warnings?: readonly string[]
}

/**
 * Reads an adapter folder.
 * @throws {ConfigError | FormatError | FileError} naming the file and the field or tensor.
 */
export function readAdapter(folder: string): Adapter {
  const { join } = paths()
  const path = join(folder, 'adapter_config.json')
  return { config: parseLoraConfig(readJson(path), path), tensors: readSafetensorsFile(join(folder, 'adapter_model.safetensors')).tensors }
}

/**
 * An adapter from a folder that exists, else from the hub.
 * @throws {HubError | DataError | ConfigError | FormatError | FileError} naming the URL or file, and the field or tensor.
 */
export async function openAdapter(nameOrFolder: string, options: HubOptions = {}): Promise<Adapter> {
  if (await isFolder(nameOrFolder)) return readAdapter(nameOrFolder)
  const [config] = await hubFiles(nameOrFolder, [{ path: 'adapter_config.json' }, { path: 'adapter_model.safetensors' }], options)
  return readAdapter(paths().dirname(config as string))
}

/**
 * Puts an adapter into a base model: every tensor of the file must find its place, and every place its tensor.
 * @throws {AdapterError} naming the tensor: the adapter belongs to another model, or its head is missing.
 */
export function loadAdapter(model: Model, adapter: Adapter): LoraModel {
  // Its values come from the file: the base is not to be changed for it, however it was initialized.
  const injected = { ...lora(model, { ...adapter.config, init_lora_weights: true }), config: adapter.config }
  const values = new Map([...adapter.tensors].map(([name, value]) => [parameterName(name, injected), value]))
  for (const [name, value] of values) {
    const own = injected.graph.initializers.get(name)
    if (own?.dims.join() !== value.dims.join())
      throw new AdapterError({
        where: `adapter tensor "${name}"`,
        what: own ? 'its shape does not fit the model' : 'the model has no such parameter',
        ...(own ? { expected: `[${own.dims}]` } : {}),
        found: `[${value.dims}]`,
        fix: 'Is it an adapter for another model?',
      })
  }
  for (const name of injected.trainable) {
    if (!values.has(name))
      throw new AdapterError({
        where: `parameter "${name}"`,
        what: 'missing from the adapter',
        fix: name.includes('.lora_') ? 'Is it an adapter for another model?' : 'The adapter was saved without its head; its classifications would be random.',
      })
  }
  return withParameters(injected, values)
}

/** Where PEFT keeps what it saves of a layer that it wrapped: a bias (`bias` all or lora_only), the matrix of targeted `embed_tokens` or `lm_head`. */
const wrapped = '.base_layer.'

/** LoRA matrices keep PEFT's name; what was saved in full loses its prefix. */
const parameterName = (name: string, { trainable }: LoraModel): string => (trainable.has(name) ? name : name.replace(peftPrefix, '').replace(wrapped, '.'))

/** Name in the file of a trained parameter. */
function fileName(name: string, biases: ReadonlySet<string | undefined>): string {
  if (name.startsWith(peftPrefix)) return name
  return `${peftPrefix}${biases.has(name) ? name.replace(/\.bias$/, `${wrapped}bias`) : name}`
}

/** The tensors of an adapter file: LoRA matrices and what was trained in full, sorted as PEFT has them. */
export function adapterTensors(model: LoraModel): Map<string, Tensor> {
  const biases = new Set(model.targets.map(({ bias }) => bias))
  const names = [...model.trainable].map((name) => [fileName(name, biases), name] as const)
  return new Map(names.sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, name]) => [file, model.graph.initializers.get(name) as Tensor]))
}

/** The configuration as adapter_config.json: sorted keys, indent 2, inference_mode on. */
export function adapterConfigJson(config: LoraConfigJson): string {
  const full: Record<string, unknown> = { ...config, peft_type: 'LORA', inference_mode: true }
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
 * Writes an adapter folder that PEFT's from_pretrained reads. One that started with a part of the base matrices (PiSSA, OLoRA) is written as a
 * plain adapter of the unchanged model, of twice the rank.
 * @throws {FileError} when it cannot be written.
 */
export function writeAdapter(folder: string, trained: LoraModel, { baseModel }: { baseModel?: string } = {}): void {
  const { join } = paths()
  for (const [name, content] of Object.entries(adapterFiles(trained, baseModel))) writeFileAtomic(join(folder, name), content)
}

/**
 * Pushes an adapter to a model repository on the hub, as {@link writeAdapter} would write it.
 * @returns The commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable.
 */
export const pushAdapter = (
  repo: string,
  trained: LoraModel,
  { baseModel, ...options }: { baseModel?: string } & Omit<PushOptions, 'files'> = {},
): Promise<string> => pushToHub(repo, { files: adapterFiles(trained, baseModel), ...options })

/** The files of an adapter's folder; its configuration last, so that a folder with one is whole. */
function adapterFiles(trained: LoraModel, baseModel: string | undefined): Record<string, Uint8Array> {
  const model = trained.initial.size ? plainAdapter(trained) : trained
  const config = baseModel === undefined ? model.config : { ...model.config, base_model_name_or_path: baseModel }
  const text = (content: string) => new TextEncoder().encode(content)
  return {
    'adapter_model.safetensors': serializeSafetensors(adapterTensors(model), { format: 'pt' }),
    'README.md': text(modelCard(config)),
    'adapter_config.json': text(adapterConfigJson(config)),
  }
}

/** B A - B0 A0 as one product: [B, -B0] [A; A0], of twice the rank and the same scaling. */
function plainAdapter(model: LoraModel): LoraModel {
  const graph = cloneGraph(model.graph)
  for (const target of model.targets) {
    const { r, in_features, out_features } = target
    const [nameA, nameB] = loraNames(target)
    const [A, B, A0, B0] = [graph.initializers, model.initial].flatMap((values) => [nameA, nameB].map((name) => toFloat32(values.get(name) as Tensor))) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const both = new Float32Array(2 * r * out_features)
    for (let o = 0; o < out_features; o++) {
      both.set(B.subarray(o * r, (o + 1) * r), 2 * o * r)
      both.set(
        B0.subarray(o * r, (o + 1) * r).map((value) => -value),
        (2 * o + 1) * r,
      )
    }
    graph.initializers.set(nameA, float32([2 * r, in_features], Float32Array.of(...A, ...A0)))
    graph.initializers.set(nameB, float32([out_features, 2 * r], both))
  }
  const { r, lora_alpha, use_rslora, rank_pattern, alpha_pattern } = model.config
  // scaling = alpha / r, or alpha / sqrt r.
  const factor = use_rslora ? Math.SQRT2 : 2
  const times = (patterns: Readonly<Record<string, number>>, by: number) =>
    Object.fromEntries(Object.entries(patterns).map(([name, value]) => [name, value * by]))
  const config = {
    ...model.config,
    r: 2 * r,
    lora_alpha: factor * lora_alpha,
    rank_pattern: times(rank_pattern, 2),
    alpha_pattern: times(alpha_pattern, factor),
    init_lora_weights: true,
  }
  return { ...model, graph, config, initial: new Map() }
}

function modelCard({ base_model_name_or_path: base, r, lora_alpha }: LoraConfigJson): string {
  return `---\n${base ? `base_model: ${base}\n` : ''}library_name: peft\ntags:\n- lora\n---\n\n# LoRA adapter\n\nRank ${r}, alpha ${lora_alpha}. Trained with @cola/lora on ONNX Runtime; PEFT's \`PeftModel.from_pretrained\` loads this folder.\n`
}
