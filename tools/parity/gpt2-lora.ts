// Trains a tiny GPT-2 with LoRA as PyTorch did: logits and gradients of the first step, losses of all, weights after the last.

import { join } from 'node:path'
import { packSentences, unpad } from '@cola/data'
import { elements, float32, type Tensor, toFloat32 } from '@cola/graph'
import { gpt2, gpt2Parameters, lora, parseGpt2Config, withParameters } from '@cola/lora'
import { adam, adamw, type Batch, crossEntropy, type Device, generateArtifacts, readSafetensorsFile, schedule, TrainingSession } from '@cola/train'
import { compare, compareAll, type KindError, worstOfEach } from './compare.ts'

export interface TrainDescription {
  optimizer: 'adam' | 'adamw'
  lr: number
  betas: [number, number]
  eps: number
  weight_decay: number
  clip_grad_norm: number
  schedule: 'constant' | 'linear'
  warmup_steps: number
  steps: number
}

interface Description {
  lora: { r: number; lora_alpha: number; target_modules: string[]; modules_to_train: string[] }
  train: TrainDescription
}

/** The optimizer that a case describes. */
export const optimizerOf = ({ optimizer, betas, eps, weight_decay, clip_grad_norm }: TrainDescription) =>
  ({ adam, adamw })[optimizer]({ betas, eps, weight_decay, max_grad_norm: clip_grad_norm })

/** Runs the steps of a case and compares what they give. */
export async function compareTraining(
  session: TrainingSession,
  train: TrainDescription,
  batchOf: (step: number) => Batch,
  expected: ReadonlyMap<string, Tensor>,
): Promise<KindError[]> {
  const factor = schedule(train.schedule, { total_steps: train.steps, warmup_steps: train.warmup_steps })
  const errors: KindError[] = []
  const losses: number[] = []
  for (let step = 0; step < train.steps; step++) {
    session.lazyResetGrad()
    const { loss, outputs } = await session.runTrainStep(batchOf(step))
    losses.push(loss)
    if (step === 0) {
      errors.push(compare('logits', 'logits', (outputs.logits as { data: Float32Array }).data, toFloat32(expected.get('logits') as Tensor)))
      errors.push(...compareAll('grad', expected, await session.getGradients()))
    }
    await session.runOptimizerStep({ learningRate: train.lr * factor(step) })
  }
  errors.push(compare('losses', 'losses', losses, toFloat32(expected.get('losses') as Tensor)))
  errors.push(...compareAll('final', expected, await session.getParameters(), 0.02 * train.lr * train.steps))
  return worstOfEach(errors)
}

export async function gpt2LoraCase(folder: string, device: Device, description: Record<string, unknown>): Promise<KindError[]> {
  const { lora: options, train } = description as unknown as Description
  const { tensors } = readSafetensorsFile(join(folder, 'weights.safetensors'))
  const { tensors: inputs } = readSafetensorsFile(join(folder, 'inputs.safetensors'))
  const { tensors: expected } = readSafetensorsFile(join(folder, 'expected.safetensors'))
  const config = parseGpt2Config({ model_type: 'gpt2', ...description })
  const isAdapter = (name: string) => name.includes('.lora_')
  const base = gpt2(config, gpt2Parameters(new Map([...tensors].filter(([name]) => !isAdapter(name))), config))
  const { modules_to_train, ...rest } = options
  const injected = lora(base, { ...rest, modules_to_save: modules_to_train })
  const model = withParameters(
    injected,
    new Map([...tensors].filter(([name]) => isAdapter(name)).map(([name, value]) => [name, float32(value.dims, toFloat32(value))])),
  )
  const session = await TrainingSession.create({ artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: optimizerOf(train) }), device })
  const batchOf = (step: number): Batch => {
    const get = (name: string) => inputs.get(`${step}.${name}`) as Tensor
    const [ids, mask, labels] = ['input_ids', 'attention_mask', 'labels'].map((name) => elements(get(name)) as BigInt64Array) as [
      BigInt64Array,
      BigInt64Array,
      BigInt64Array,
    ]
    const sentences = unpad(ids, mask, get('input_ids').dims as [number, number])
    return { ...packSentences(sentences), labels: { data: Int32Array.from(labels, Number), dims: [labels.length] } }
  }
  try {
    return await compareTraining(session, train, batchOf, expected)
  } finally {
    await session.release()
  }
}
