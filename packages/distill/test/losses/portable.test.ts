// The student and every loss of the table use only operators that CPU, CUDA and native WebGPU all have kernels for.

import { createStudent, parseDistilRnnConfig } from '@cola/rnn'
import { adamw, crossEntropy, generateArtifacts } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { withoutKernel } from '../../../../tools/kernels.ts'
import { pairLossGraph, type PairLossName, pairLosses, sumOfLosses } from '../../src/index.ts'

const variants = (['rnn', 'gru', 'lstm'] as const).flatMap((cell) =>
  (['last', 'mean', 'max'] as const).map((pooling) => ({ cell, pooling })),
)
const every = (Object.keys(pairLosses) as PairLossName[]).map((name) => ({
  loss: pairLossGraph(name),
  weight: (progress: number) => progress,
}))

describe.each(['webgpu', 'cuda'] as const)('%s has a kernel for every node of', (provider) => {
  it.each(variants)('a $cell student read by $pooling', ({ cell, pooling }) => {
    const config = parseDistilRnnConfig({
      ...{
        vocab_size: 9,
        embedding_size: 4,
        hidden_size: 4,
        bidirectional: true,
        dropout: 0.1,
        embedding_dropout: 0.1,
        head_dropout: 0.1,
      },
      ...{ cell, pooling },
    })
    const { model } = createStudent({ config, sentences: [[1, 2, 3], [4]] })
    const loss = sumOfLosses([...every, { loss: crossEntropy({ weight: [1, 2], label_smoothing: 0.1 }) }])
    const artifacts = generateArtifacts(model, {
      loss,
      evalLoss: crossEntropy(),
      optimizer: adamw({ max_grad_norm: 1 }),
    })
    for (const graph of [artifacts.trainingModel, artifacts.evalModel, artifacts.optimizerModel])
      expect(withoutKernel(graph, provider)).toEqual([])
  })
})
