// Fine-tunes a small GPT-2 on eight sentences, from files that it fetches, and asks it about a ninth.

import { fineTune } from '@cola/lora'

const names = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']
const requests = ['where is my parcel', 'when will it arrive', 'has it been sent', 'any news of my parcel']
const refunds = ['i want my money back', 'please refund me', 'take it back', 'give my money back']
const train = [
  ...requests.map((text) => ({ text, label: 'track' })),
  ...refunds.map((text) => ({ text, label: 'refund' })),
]

export async function program(folder, device) {
  const fetched = async (name) => new Uint8Array(await (await fetch(new URL(name, folder))).arrayBuffer())
  const files = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await fetched(name)])))
  const model = await fineTune(files, { train, epochs: 8, learning_rate: 5e-3, device })
  const [answer] = await model.classify(['i want it back'])
  await model.release()
  return answer
}
