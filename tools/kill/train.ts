// A run that is killed: train.ts FOLDER continues what is there, and writes FOLDER/result.json at its end.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packSentences, random, sha256 } from '@cola/data'
import { gpt2, type LoraConfig, lora, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adamw, type Batch, crossEntropy, generateArtifacts, Trainer, TrainingSession } from '@cola/train'

interface Row {
  ids: number[]
  label: number
}

const folder = process.argv[2] as string
const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 2,
  n_head: 2,
  n_embd: 32,
  n_positions: 16,
  vocab_size: 97,
})
const adapter: LoraConfig = { task_type: 'SEQ_CLS', r: 4, lora_dropout: 0.1, target_modules: ['c_attn', 'c_fc'] }
const artifacts = generateArtifacts(lora(gpt2(config, randomGpt2(config)), adapter), {
  loss: crossEntropy(),
  optimizer: adamw(),
})
const stream = random(3, 'rows')
const rows: Row[] = Array.from({ length: 80 }, () => {
  const ids = Array.from({ length: 3 + stream.integer(10) }, () => 1 + stream.integer(96))
  return { ids, label: (ids[0] as number) % 2 }
})
const collate = (list: readonly Row[]): Batch => ({
  ...packSentences(list.map(({ ids }) => ids)),
  labels: { data: Int32Array.from(list, ({ label }) => label), dims: [list.length] },
})

const session = await TrainingSession.create({ artifacts, device: 'cpu' })
const trainer = new Trainer({
  session,
  data: { train: rows.slice(16), evaluation: rows.slice(0, 16), collate },
  epochs: 4,
  batch_size: 4,
  learning_rate: 1e-2,
  output_dir: folder,
  save_steps: 3,
  resume: true,
  callbacks: { onTrainBegin: () => process.stdout.write('begin\n') },
})
const { history, best } = await trainer.train()
const weights = await session.getContiguousParameters()
const result = {
  weights: await sha256([new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength)]),
  losses: history.map(({ train_loss, eval_loss }) => [train_loss, eval_loss]),
  best,
}
await session.release()
writeFileSync(join(folder, 'result.json'), JSON.stringify(result))
