// An exported decoder in transformers.js, with its key-value cache: layout 'hub' of export writes what it loads.
// node generate.mjs FOLDER "text" ...

import { basename, dirname, resolve } from 'node:path'
import { AutoModelForCausalLM, AutoTokenizer, env } from '@huggingface/transformers'

const [folder, ...texts] = process.argv.slice(2)
env.allowRemoteModels = false
env.localModelPath = dirname(resolve(folder))
const name = basename(folder)
const tokenizer = await AutoTokenizer.from_pretrained(name)
const model = await AutoModelForCausalLM.from_pretrained(name, { dtype: process.env.DTYPE ?? 'fp32' })
const answers = []
for (const text of texts) {
  const inputs = tokenizer(text, { add_special_tokens: false })
  const output = await model.generate({ ...inputs, max_new_tokens: Number(process.env.TOKENS ?? 6), do_sample: false })
  const generated = output.tolist()[0].slice(inputs.input_ids.dims[1])
  answers.push(generated.map(Number))
}
console.log(JSON.stringify(answers))
