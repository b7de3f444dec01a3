// Adapters on disk exactly as PEFT's save_pretrained has them: adapter_config.json and adapter_model.safetensors, head included.

import type { Tensor } from '@cola/graph'
import { type Model, safetensorsChunks } from '@cola/graph'
import { paths, readSafetensorsFile, writeFileAtomic } from '@cola/train'
import { AdapterError } from '../errors.ts'
import { parseLoraConfig } from '../inject/config.ts'
import { lora, type LoraModel, peftPrefix, withParameters } from '../inject/lora.ts'
import { readJson } from '../json.ts'
import type { LoraConfigJson } from '../schema.ts'

export interface Adapter {
  config: LoraConfigJson
  /** Tensors under the names in the file. */
  tensors: Map<string, Tensor>
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
 * Puts an adapter into a base model: every tensor of the file must find its place, and every place its tensor.
 * @throws {AdapterError} naming the tensor: the adapter belongs to another model, or its head is missing.
 */
export function loadAdapter(model: Model, adapter: Adapter): LoraModel {
  const injected = lora(model, adapter.config)
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

/** LoRA matrices keep PEFT's name; modules saved in full lose its prefix. */
const parameterName = (name: string, { trainable }: LoraModel): string => (trainable.has(name) ? name : name.replace(peftPrefix, ''))

/** The tensors of an adapter file: LoRA matrices and modules saved in full, sorted as PEFT has them. */
export function adapterTensors(model: LoraModel): Map<string, Tensor> {
  const names = [...model.trainable].map((name) => [name.startsWith(peftPrefix) ? name : `${peftPrefix}${name}`, name] as const)
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

/** Writes an adapter folder that PEFT's from_pretrained reads. @throws {FileError} when it cannot be written. */
export function writeAdapter(folder: string, model: LoraModel, { baseModel }: { baseModel?: string } = {}): void {
  const { join } = paths()
  const config = baseModel === undefined ? model.config : { ...model.config, base_model_name_or_path: baseModel }
  writeFileAtomic(join(folder, 'adapter_model.safetensors'), safetensorsChunks(adapterTensors(model)))
  writeFileAtomic(join(folder, 'README.md'), modelCard(config))
  writeFileAtomic(join(folder, 'adapter_config.json'), adapterConfigJson(config))
}

function modelCard({ base_model_name_or_path: base, r, lora_alpha }: LoraConfigJson): string {
  return `---\n${base ? `base_model: ${base}\n` : ''}library_name: peft\ntags:\n- lora\n---\n\n# LoRA adapter\n\nRank ${r}, alpha ${lora_alpha}. Trained with @cola/lora on ONNX Runtime; PEFT's \`PeftModel.from_pretrained\` loads this folder.\n`
}
