// An adapter that PEFT saved: logits with it, without it, merged and switched; the same files written back; and, where
// the case has them, the gradients of what is trained and the merged parameters.

import { type Files, type FileSink, memorySink, packSentences } from '@cola/data'
import { elements, type Graph, type Model, type Tensor, toFloat32 } from '@cola/graph'
import {
  type Adapter,
  AdapterError,
  type AdaptedModel,
  gpt2,
  gpt2Parameters,
  loadAdapter,
  merge,
  parseGpt2Config,
  openAdapter,
  switchable,
  unmerge,
  withPaddedInputs,
  writeAdapter,
} from '@cola/lora'
import {
  type Batch,
  crossEntropy,
  type Device,
  generateArtifacts,
  openSession,
  OrtTensor,
  resolveDevice,
  sgd,
  TrainingSession,
} from '@cola/train'
import { readJson, readSafetensors } from '@cola/train/files'
import { compare, compareAll, type KindError, worstOfEach } from './compare.ts'
import { subfolder } from './subfolder.ts'
import { stepInputs } from './training.ts'

export async function peftCase(files: Files, device: Device): Promise<KindError[]> {
  const json = readJson(files, 'base/config.json') as { architectures?: string[] }
  const config = parseGpt2Config(json)
  const head = json.architectures?.includes('GPT2LMHeadModel') ? 'language-model' : 'classification'
  const base = gpt2(
    config,
    gpt2Parameters(readSafetensors(files, 'base/model.safetensors').tensors, config, { head }),
    { head },
  )
  const adapter = await openAdapter(subfolder(files, 'adapter'))
  const model = loadAdapter(base, adapter)
  const merged = merge(model)
  const { tensors: expected } = readSafetensors(files, 'expected.safetensors')
  const logits = async (kind: string, graph: Graph) =>
    compare(kind, kind, await run(graph, expected, device), toFloat32(expected.get(kind) as Tensor))
  const written = rewritten(adapter.tensors, (target) => writeAdapter(target, model))
  const restored = await logits('logits', withPaddedInputs(unmerge(merged)))
  return worstOfEach([
    await logits('logits', withPaddedInputs(model)),
    await logits('base_logits', withPaddedInputs(base)),
    await logits('merged_logits', withPaddedInputs(merged)),
    { ...restored, kind: 'unmerged' },
    ...(device === 'cpu' ? await switched(base, adapter, expected, device) : []),
    ...written,
    ...compareAll('weight', expected, merged.graph.initializers),
    ...(expected.has('labels') ? await trained(model, expected, device) : []),
  ])
}

/**
 * Logits with the adapter as inputs of the base model's graph; none for an adapter that cannot be switched. On the CPU
 * alone: the other kinds have its operators.
 */
async function switched(
  base: Model,
  adapter: Adapter,
  expected: ReadonlyMap<string, Tensor>,
  device: Device,
): Promise<KindError[]> {
  try {
    const { graph, feeds } = switchable({ graph: withPaddedInputs(base), trainable: new Set() }, { adapter })
    const found = await run(graph, expected, device, feeds('adapter'))
    return [compare('switched', 'logits', found, toFloat32(expected.get('logits') as Tensor))]
  } catch (error) {
    if (error instanceof AdapterError && /cannot be switched/.test(error.message)) return []
    throw error
  }
}

/** Loss and gradients of one batch, those by PEFT's names. */
async function trained(
  model: AdaptedModel,
  expected: ReadonlyMap<string, Tensor>,
  device: Device,
): Promise<KindError[]> {
  const { sentences, labels } = stepInputs(expected)
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() }),
    device,
  })
  try {
    const { loss } = await session.runTrainStep({ ...packSentences(sentences), labels })
    const gradients = await session.getGradients()
    const own = (name: string) => name.replace('base_model.model.', '').replace('.base_layer.', '.')
    const named = [...expected.keys()]
      .filter((name) => name.startsWith('grad.'))
      .map((name) => name.slice('grad.'.length))
      .map((name) => [name, gradients.get(name) ?? gradients.get(own(name))] as const)
      .filter((entry): entry is [string, Tensor] => entry[1] !== undefined)
    return [
      compare('loss', 'loss', [loss], toFloat32(expected.get('loss') as Tensor)),
      ...compareAll('grad', expected, new Map(named)),
    ]
  } finally {
    await session.release()
  }
}

async function run(
  graph: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  device: Device,
  adapter: Batch = {},
): Promise<Float32Array> {
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  const feed = (name: string) => {
    const value = inputs.get(name) as Tensor
    return new OrtTensor('int64', elements(value) as BigInt64Array, value.dims)
  }
  const arrays = Object.entries(adapter).map(
    ([name, { data, dims }]) => [name, new OrtTensor('float32', data as Float32Array, dims)] as const,
  )
  const results = await session.run({
    input_ids: feed('input_ids'),
    attention_mask: feed('attention_mask'),
    ...Object.fromEntries(arrays),
  })
  await session.release()
  return (results.logits as OrtTensor).data as Float32Array
}

/** Every tensor of the file must come back bit for bit under its name, and no other. */
export function rewritten(original: ReadonlyMap<string, Tensor>, write: (sink: FileSink) => void): KindError[] {
  const sink = memorySink()
  write(sink)
  const { tensors } = readSafetensors(sink, 'adapter_model.safetensors')
  const names = new Set([...original.keys(), ...tensors.keys()])
  return [...names].map((name) =>
    compare(
      'written',
      name,
      tensors.has(name) ? toFloat32(tensors.get(name) as Tensor) : [],
      original.has(name) ? toFloat32(original.get(name) as Tensor) : [Number.NaN],
      Number.MIN_VALUE,
    ),
  )
}
