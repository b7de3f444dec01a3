// An exported classifier in transformers.js: layout 'hub' of exportMerged writes what it loads.
// node classify.mjs FOLDER "text" ...

import { basename, dirname, resolve } from 'node:path'
import { AutoTokenizer, env, PreTrainedModel, softmax } from '@huggingface/transformers'

const [folder, ...texts] = process.argv.slice(2)
env.allowRemoteModels = false
env.localModelPath = dirname(resolve(folder))
const name = basename(folder)
const tokenizer = await AutoTokenizer.from_pretrained(name)
// The pipeline knows no GPT-2 that classifies; the model itself is like any other. A BERT can go through
// pipeline('text-classification').
const model = await PreTrainedModel.from_pretrained(name, { dtype: process.env.DTYPE ?? 'fp32' })
const { logits } = await model(tokenizer(texts, { padding: true, truncation: true }))
const answers = logits.tolist().map((row) => {
  const scores = softmax(row)
  const best = scores.indexOf(Math.max(...scores))
  return { label: model.config.id2label[best], score: scores[best] }
})
console.log(JSON.stringify(answers))
