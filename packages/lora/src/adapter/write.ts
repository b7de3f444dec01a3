// Writes adapters to files and to the hub, as PEFT's save_pretrained does.

import { type FileSink, pushChecks, type PushOptions, pushToHub } from '@cola/data'
import { serializeSafetensors } from '@cola/graph'
import { requireKind } from '@cola/graph/door'
import { checkOptions, text } from '@cola/graph/options'
import { sinkOf } from '@cola/train/files'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import type { Head } from '../inject/head.ts'
import { requireModel } from '../inject/require-model.ts'
import type { AdapterConfigJson } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import { isAllLinear } from '../methods/patterns.ts'
import { type Adapter, adapterTensors, configFile, headFile, weightsFile } from './files.ts'
import { isAdapter } from './is-adapter.ts'
import { isLora, plainAdapter } from './plain-adapter.ts'

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
 * @param trained A model with an adapter, or what combineAdapters or openAdapter gives.
 * @throws {FileError} when the folder cannot be written; {ConfigError} for an option that is unknown, and for what is
 * neither a model with an adapter nor an adapter.
 */
export function writeAdapter(
  folder: string | FileSink,
  trained: AdaptedModel | Adapter,
  options: { baseModel?: string } = {},
): void {
  checkOptions('writeAdapter', options, { baseModel: text })
  const { baseModel } = options
  const sink = sinkOf(folder)
  const files = adapterFiles(contentOf('writeAdapter', trained), baseModel)
  for (const [name, content] of Object.entries(files)) sink.write(name, [content])
  if (!(headFile in files)) sink.remove?.(headFile)
}

/**
 * Pushes the files of {@link writeAdapter} to a model repository on the hub.
 * @returns The id of the commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable; {ConfigError} for an option that is unknown or out
 * of its range.
 */
export async function pushAdapter(
  repo: string,
  trained: AdaptedModel | Adapter,
  options: { baseModel?: string } & Omit<PushOptions, 'files'> = {},
): Promise<string> {
  const { files: _, ...checks } = pushChecks
  checkOptions('pushAdapter', options, { baseModel: text, ...checks })
  requireKind('pushAdapter, repo', repo, 'text')
  const { baseModel, ...rest } = options
  return pushToHub(repo, { files: adapterFiles(contentOf('pushAdapter', trained), baseModel), ...rest })
}

/** An adapter, and the bits of the base that it was trained on, where they are known to be few. */
type Written = Adapter & { bits?: number }

/** What the files hold of a model; what openAdapter or combineAdapters gave, as it is. */
function contentOf(where: string, trained: AdaptedModel | Adapter): Written {
  if (isAdapter[1](trained)) return trained as Adapter
  requireModel(`${where}, trained`, trained, 'adapted')
  const adapted = trained as AdaptedModel
  const model = isLora(adapted) && adapted.initial.size ? plainAdapter(adapted) : adapted
  const { head } = model
  return {
    config: { ...model.config, ...targetNames(model) },
    tensors: adapterTensors(model),
    ...(head && trainsHead(model, head) ? { head } : {}),
    ...bitsOf(model),
  }
}

/** The bits of the base's matrices. */
function bitsOf({ base }: AdaptedModel): { bits?: number } {
  const packed = [...base.initializers.values()].find((matrix) => matrix.packed)?.packed
  return packed ? { bits: packed.bits } : {}
}

/** The files of an adapter's folder. The configuration is last, so that a folder that has one is complete. */
function adapterFiles(
  { config, tensors, head, bits }: Written,
  baseModel: string | undefined,
): Record<string, Uint8Array> {
  const named = baseModel === undefined ? config : { ...config, base_model_name_or_path: baseModel }
  const text = (content: string) => new TextEncoder().encode(content)
  return {
    [weightsFile]: serializeSafetensors(tensors, { format: 'pt' }),
    'README.md': text(modelCard(named, head, bits)),
    ...(head ? { [headFile]: text(headJson(head)) } : {}),
    [configFile]: text(adapterConfigJson(named)),
  }
}

/**
 * Replaces `all-linear` by the names of the adapted modules, as PEFT does. The model that loads the adapter may have
 * more linear layers, such as a pooler, and PEFT would miss their tensors.
 */
const targetNames = ({ config: { target_modules }, targets }: AdaptedModel) =>
  isAllLinear(target_modules) ? { target_modules: targets.map(({ module }) => module).sort() } : {}

const trainsHead = ({ trainable }: AdaptedModel, { name }: Head): boolean =>
  [...trainable].some((parameter) => parameter.startsWith(`${name}.`))

function headJson({ name, labels, layers, num_labels, pooling }: Head): string {
  const json = {
    head: name,
    num_labels,
    pooling,
    ...(layers ? { layers } : {}),
    ...(labels ? { id2label: Object.fromEntries(labels.entries()) } : {}),
  }
  return `${JSON.stringify(json, null, 2)}\n`
}

/** What a card says of linear heads that read otherwise than transformers' classes do, which PEFT does not know. */
const readsOtherwise: Partial<Record<Head['pooling'], string>> = {
  mean: 'the mean of the last hidden states',
  first: 'the last hidden state of the first token',
}

function modelCard(config: AdapterConfigJson, head: Head | undefined, bits: number | undefined): string {
  const { base_model_name_or_path: base, peft_type } = config
  const { title, summary } = methodOf(config)
  const baseLine = base ? `base_model: ${base}\n` : ''
  const metadata = `---\n${baseLine}library_name: peft\ntags:\n- ${peft_type.toLowerCase()}\n---\n`
  const trained = 'Trained with @cola/lora on ONNX Runtime'
  const read = head?.layers ? undefined : head && readsOtherwise[head.pooling]
  const use =
    head && read
      ? `${trained}.\n\n**In PEFT its head does not fit.** \`${head.name}\` reads ${read} (\`${headFile}\`), ` +
        "transformers' class, which PEFT takes, perhaps a pooler: its logits are others then, without an error. " +
        "@cola/lora reads it right; a head for PEFT is trained with `head: 'transformers'`."
      : `${trained}; PEFT's \`PeftModel.from_pretrained\` loads this folder.`
  const bitsNote = bits
    ? `\nIts base had matrices in ${bits} bits while it was trained; on the base in float32, its answers differ a little.\n`
    : ''
  return `${metadata}\n# ${title} adapter\n\n${summary(config)} ${use}\n${bitsNote}`
}
