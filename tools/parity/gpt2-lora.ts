// Trains a tiny GPT-2 with LoRA.

import { type Files, packSentences } from '@cola/data'
import { float32, toFloat32 } from '@cola/graph'
import { gpt2, gpt2Parameters, lora, parseGpt2Config, withParameters } from '@cola/lora'
import { type Batch, crossEntropy, type Device, generateArtifacts, TrainingSession } from '@cola/train'
import { readSafetensors } from '@cola/train/files'
import type { KindError } from './compare.ts'
import { compareTraining, optimizerOf, stepInputs, type TrainDescription } from './training.ts'

interface Description {
  lora: { r: number; lora_alpha: number; target_modules: string[]; modules_to_train: string[] }
  train: TrainDescription
}

export async function gpt2LoraCase(
  files: Files,
  device: Device,
  description: Record<string, unknown>,
): Promise<KindError[]> {
  const { lora: options, train } = description as unknown as Description
  const { tensors } = readSafetensors(files, 'weights.safetensors')
  const { tensors: inputs } = readSafetensors(files, 'inputs.safetensors')
  const { tensors: expected } = readSafetensors(files, 'expected.safetensors')
  const config = parseGpt2Config({ model_type: 'gpt2', ...description })
  const isAdapter = (name: string) => name.includes('.lora_')
  const base = gpt2(config, gpt2Parameters(new Map([...tensors].filter(([name]) => !isAdapter(name))), config))
  const { modules_to_train, ...rest } = options
  const injected = lora(base, { ...rest, modules_to_save: modules_to_train })
  const model = withParameters(
    injected,
    new Map(
      [...tensors]
        .filter(([name]) => isAdapter(name))
        .map(([name, value]) => [name, float32(value.dims, toFloat32(value))]),
    ),
  )
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: optimizerOf(train) }),
    device,
  })
  const batchOf = (step: number): Batch => {
    const { sentences, labels } = stepInputs(inputs, step)
    return { ...packSentences(sentences), labels }
  }
  try {
    return await compareTraining(session, train, batchOf, expected)
  } finally {
    await session.release()
  }
}
