// Two small models with the graphs of large ones, for what is counted by node: GPT-2 of four layers with experiment 1's
// adapter, and a BERT encoder as PyTorch exports it, with LoRA on all its linear layers.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packSentences } from '@cola/data'
import { prune, readModel } from '@cola/graph'
import { gpt2, lora, parseGpt2Config, randomGpt2, withHead } from '@cola/lora'
import { adamw, type Batch, crossEntropy, generateArtifacts, type TrainingArtifacts } from '@cola/train'
import { reportLora } from '../examples/support/report/lora-config.ts'
import { root } from './root.ts'

export interface SmallModel {
  artifacts: TrainingArtifacts
  batch: Batch
}

const labels = { data: Int32Array.of(0, 1), dims: [2] }
const options = { loss: crossEntropy(), optimizer: adamw() }

export function smallGpt2(): SmallModel {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 4,
    n_head: 2,
    n_embd: 32,
    n_positions: 32,
    vocab_size: 97,
  })
  const artifacts = generateArtifacts(lora(gpt2(config, randomGpt2(config)), reportLora), options)
  return {
    artifacts,
    batch: {
      ...packSentences([
        [1, 2, 3, 4],
        [5, 6, 7],
      ]),
      labels,
    },
  }
}

export function smallEncoder(): SmallModel {
  const graph = readModel(readFileSync(join(root, 'tools/parity/fixtures/onnx-bert/model.onnx')))
  graph.outputs = [graph.nodes.findLast(({ opType }) => opType === 'LayerNormalization')?.outputs[0] as string]
  prune(graph)
  const headed = withHead(
    { graph, trainable: new Set() },
    { num_labels: 2, pooling: 'mean', name: 'classifier', bias: true },
  )
  const model = lora(headed, { task_type: 'SEQ_CLS', r: 4, lora_alpha: 8, target_modules: 'all-linear' })
  const ids = (values: readonly number[]) => ({ data: BigInt64Array.from(values, BigInt), dims: [2, 4] })
  const given: Batch = {
    input_ids: ids([2, 5, 6, 3, 2, 7, 3, 0]),
    attention_mask: ids([1, 1, 1, 1, 1, 1, 1, 0]),
    token_type_ids: ids([0, 0, 0, 0, 0, 0, 0, 0]),
    token_weights: { data: Float32Array.of(1 / 4, 1 / 4, 1 / 4, 1 / 4, 1 / 3, 1 / 3, 1 / 3, 0), dims: [2, 4] },
  }
  const artifacts = generateArtifacts(model, options)
  return { artifacts, batch: { ...given, labels } }
}
