// The backward pass reads shapes of activations: it must not hold the activations for that.

import { adamw, crossEntropy, generateArtifacts } from '@cola/train'
import { expect, it } from 'vitest'
import { reportLora } from '../../../../examples/support/report/lora-config.ts'
import { gpt2, lora, parseGpt2Config, randomGpt2 } from '../../src/index.ts'

it('a training graph reads each shape once, of one value for all layers', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 4,
    n_head: 2,
    n_embd: 8,
    n_positions: 16,
    vocab_size: 30,
  })
  const model = lora(gpt2(config, randomGpt2(config), { dropout: 'config' }), { ...reportLora, lora_dropout: 0.1 })
  const { trainingModel: graph } = generateArtifacts(model, { loss: crossEntropy(), optimizer: adamw() })
  const shapes = graph.nodes.filter(({ opType }) => opType === 'Shape')
  const read = shapes.map(({ inputs, attributes }) => [graph.values.get(inputs[0] as string)?.shape, attributes])
  expect(shapes.length).toBeGreaterThan(0)
  expect(new Set(read.map((one) => JSON.stringify(one))).size).toBe(shapes.length)
})
