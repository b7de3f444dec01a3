// A decoder, most with a cache and fused operators, and a PEFT adapter for it: logits without and with the adapter, loss,
// the gradient of each of the adapter's matrices, greedy tokens, and the adapter written back.

import { type Files, ignoreIndex } from '@cola/data'
import { elements, type Model, type Tensor, toFloat32 } from '@cola/graph'
import { createGenerator, loadAdapter, openAdapter, readCachedModel, readOnnxModel, writeAdapter } from '@cola/lora'
import {
  type Batch,
  crossEntropy,
  type Device,
  feedsOf,
  generateArtifacts,
  openSession,
  type OrtTensor,
  resolveDevice,
  sgd,
  TrainingSession,
} from '@cola/train'
import { readJson, readSafetensors } from '@cola/train/files'
import { greedyWhole } from '../greedy-whole.ts'
import { compare, compareAll, type KindError, worstOfEach } from './compare.ts'
import { rewritten } from './peft.ts'
import { subfolder } from './subfolder.ts'

/** The prompt of the greedy tokens: the first of row 0. */
const promptLength = 3

export async function decoderCase(files: Files, device: Device): Promise<KindError[]> {
  const config = readJson(files, 'config.json') as Config
  const base = readOnnxModel(files, 'onnx/model.onnx', config)
  const cached = readCachedModel(files, 'onnx/model.onnx', config)
  const adapter = await openAdapter(subfolder(files, 'adapter'))
  const model = loadAdapter(base, adapter)
  const read = (name: string): Tensors => readSafetensors(files, `${name}.safetensors`).tensors
  const [inputs, expected] = [read('inputs'), read('expected')]
  const written = rewritten(adapter.tensors, (target) => writeAdapter(target, model))
  return worstOfEach([
    await logitsOf('base_logits', base, { inputs, expected, device }),
    await logitsOf('lora_logits', model, { inputs, expected, device }),
    ...(await trained(model, { inputs, expected, device })),
    cached
      ? await greedy(loadAdapter(cached, adapter), { inputs, expected, device }, config)
      : await greedyUncached(model, { inputs, expected, device }),
    ...written,
  ])
}

interface Config extends Readonly<Record<string, unknown>> {
  model_type: string
  vocab_size: number
  max_position_embeddings: number
}

type Tensors = ReadonlyMap<string, Tensor>

interface Run {
  readonly inputs: Tensors
  readonly expected: Tensors
  readonly device: Device
}

const integers = (tensors: Tensors, name: string): number[] =>
  Array.from(elements(tensors.get(name) as Tensor) as BigInt64Array, Number)

/** The inputs of a decoder, of rows that are padded on the right. */
function batchOf(inputs: Tensors): Batch {
  const { dims } = inputs.get('input_ids') as Tensor
  const [ids, mask] = [integers(inputs, 'input_ids'), integers(inputs, 'attention_mask')]
  const positions = ids.map((_, i) => i % (dims[1] as number))
  const int64 = (values: readonly number[]) => ({ data: BigInt64Array.from(values, BigInt), dims })
  return { input_ids: int64(ids), attention_mask: int64(mask), position_ids: int64(positions) }
}

/** Logits at real tokens. */
async function logitsOf(kind: string, { graph }: Model, { inputs, expected, device }: Run): Promise<KindError> {
  const mask = integers(inputs, 'attention_mask')
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  const { logits } = await session.run(feedsOf(graph, graph.inputs, batchOf(inputs)).feeds)
  await session.release()
  const right = expected.get(kind) as Tensor
  const width = right.dims.at(-1) as number
  const real = (_: number, i: number) => mask[Math.floor(i / width)] === 1
  const actual = (logits as OrtTensor).data as Float32Array
  return compare(kind, kind, actual.filter(real), toFloat32(right).filter(real))
}

/** transformers shifts labels itself: the label of a token is that of the next, and the last has none. */
const nextTokens = (labels: readonly number[], [, columns]: readonly number[]): number[] =>
  labels.map((_, i) => ((i + 1) % (columns as number) === 0 ? ignoreIndex : (labels[i + 1] as number)))

/** Loss and gradients of the batch. */
async function trained(model: Model, { inputs, expected, device }: Run): Promise<KindError[]> {
  const { dims } = inputs.get('input_ids') as Tensor
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() }),
    device,
  })
  try {
    const { loss } = await session.runTrainStep({
      ...batchOf(inputs),
      labels: { data: Int32Array.from(nextTokens(integers(inputs, 'labels'), dims)), dims },
    })
    return [
      compare('loss', 'loss', [loss], toFloat32(expected.get('loss') as Tensor)),
      ...compareAll('grad', expected, await session.getGradients()),
    ]
  } finally {
    await session.release()
  }
}

/** The tokens that follow the prompt, by the file's own graph with its cache. */
async function greedy(cached: Model, { inputs, expected, device }: Run, config: Config): Promise<KindError> {
  const right = integers(expected, 'greedy')
  const generator = await createGenerator(cached, { config, device })
  const prompt = integers(inputs, 'input_ids').slice(0, promptLength)
  const tokens = await generator.generate(prompt, { max_new_tokens: right.length, eos_token_id: [] })
  await generator.release()
  return compare('greedy', 'greedy', tokens, right, Number.MIN_VALUE)
}

/** The tokens that follow the prompt, by a file without a cache. */
async function greedyUncached({ graph }: Model, { inputs, expected, device }: Run): Promise<KindError> {
  const right = integers(expected, 'greedy')
  const prompt = integers(inputs, 'input_ids').slice(0, promptLength)
  return compare('greedy', 'greedy', await greedyWhole(graph, prompt, right.length, device), right, Number.MIN_VALUE)
}
