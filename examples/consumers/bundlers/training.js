// A small GPT-2 with LoRA, and three training steps of it, in whatever session it is given.

import { packSentences } from '@cola/data'
import { gpt2, lora, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adamw, crossEntropy, generateArtifacts } from '@cola/train'

export function artifacts() {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    ...{ n_layer: 2, n_head: 2, n_embd: 32, n_positions: 16, vocab_size: 50 },
  })
  const model = lora(gpt2(config, randomGpt2(config)), { task_type: 'SEQ_CLS', r: 4, target_modules: ['c_attn'] })
  return generateArtifacts(model, { loss: crossEntropy(), optimizer: adamw() })
}

export async function threeLosses(session) {
  const sentences = [1, 2, 3, 4].map((first) => [first, first + 4, 9, 3])
  const batch = { ...packSentences(sentences), labels: { data: Int32Array.of(0, 1, 0, 1), dims: [4] } }
  const losses = []
  for (let step = 0; step < 3; step++) {
    session.lazyResetGrad()
    losses.push((await session.runTrainStep(batch)).loss)
    await session.runOptimizerStep({ learningRate: 0.01 })
  }
  await session.release()
  return losses
}
