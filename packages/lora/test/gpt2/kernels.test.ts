// Training graphs use only operators, with element types, that CPU, CUDA and native WebGPU all have kernels for.

import { adamw, crossEntropy, generateArtifacts } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { reportLora } from '../../../../examples/support/report/lora-config.ts'
import { withoutKernel } from '../../../../tools/kernels.ts'
import { gpt2, lora, parseGpt2Config, randomGpt2 } from '../../src/index.ts'

describe.each(['webgpu', 'cuda'] as const)('%s has a kernel for every node of', (provider) => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 2,
    n_head: 2,
    n_embd: 8,
    n_positions: 16,
    vocab_size: 30,
  })
  const model = lora(gpt2(config, randomGpt2(config), { dropout: 'config' }), { ...reportLora, lora_dropout: 0.1 })
  const artifacts = generateArtifacts(model, {
    loss: crossEntropy({ label_smoothing: 0.1 }),
    optimizer: adamw({ max_grad_norm: 1 }),
  })
  it.each(['trainingModel', 'evalModel', 'optimizerModel'] as const)('%s', (name) => {
    expect(withoutKernel(artifacts[name], provider)).toEqual([])
  })
})
