import { packSentences } from '@cola/data'
import type { Model } from '@cola/graph'
import { defaultDevice, feedsOf, openSession, type OrtTensor } from '@cola/train'
import { moved } from '../../../../tools/moved.ts'
import {
  type Adapter,
  adapterTensors,
  gpt2,
  lora,
  type LoraConfig,
  parseGpt2Config,
  randomGpt2,
} from '../../src/index.ts'

export const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 2,
  n_head: 2,
  n_embd: 16,
  n_positions: 16,
  vocab_size: 40,
})
export const base = gpt2(config, randomGpt2(config, { seed: 2 }))
export const batch = packSentences([
  [4, 5, 6, 7],
  [8, 9],
  [10, 11, 12],
])
export const linear = ['c_attn', 'c_proj', 'c_fc']
export async function logits({ graph }: Pick<Model, 'graph'>, further = {}): Promise<Float32Array> {
  const session = await openSession({ graph }, defaultDevice())
  const { feeds } = feedsOf(graph, graph.inputs, { ...batch, ...further })
  const { logits: own } = await session.run(feeds)
  await session.release()
  return (own as OrtTensor).data as Float32Array
}
export const adapterOf = (seed: number, options: LoraConfig): Adapter => {
  const model = moved(lora(base, { task_type: 'SEQ_CLS', target_modules: linear, ...options }, { seed }), seed)
  return { config: model.config, tensors: adapterTensors(model) }
}
