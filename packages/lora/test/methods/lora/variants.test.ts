// LoRA and its variants train from the base model's outputs.

import { toFloat32 } from '@cola/graph'
import { adamw, crossEntropy, generateArtifacts, TrainingSession } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { lora, type LoraConfig, loraPlus } from '../../../src/index.ts'
import { base, batch, linear, logits } from '../../support/packed-gpt2.ts'

describe.each<[string, LoraConfig]>([
  ['DoRA', { use_dora: true }],
  ['LoRA biases', { lora_bias: true }],
  ['all biases', { bias: 'all' }],
  ['biases of adapted layers', { bias: 'lora_only' }],
  ['embeddings', { target_modules: ['wte', 'wpe'] }],
  ['tokens', { trainable_token_indices: [8, 4, 12] }],
])('%s', (_, variant) => {
  it('learns, starting from the base model', async () => {
    const start = lora(base, { task_type: 'SEQ_CLS', r: 2, target_modules: linear, ...variant })
    expect(await logits(start)).toBeAllclose(await logits(base), { atol: 1e-5 })
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(start, { loss: crossEntropy(), optimizer: adamw({ groups: loraPlus(16) }) }),
      device: 'cpu',
    })
    const labelled = { ...batch, labels: { data: Int32Array.of(1, 0, 1), dims: [3] } }
    const losses: number[] = []
    for (let step = 0; step < 20; step++) {
      session.lazyResetGrad()
      losses.push((await session.runTrainStep(labelled)).loss)
      await session.runOptimizerStep({ learningRate: 5e-3 })
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2)
    const gradients = await session.getGradients()
    expect([...gradients.values()].every((value) => toFloat32(value).some((x) => x !== 0))).toBe(true)
    await session.release()
  })
})
