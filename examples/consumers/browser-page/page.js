// Fine-tunes a small GPT-2 with LoRA in the page, from files that it fetches: nothing leaves the browser.

import { createTokenizer, generateSentences, packRows } from '@cola/data'
import { parseSafetensors } from '@cola/graph'
import { gpt2, gpt2Parameters, lora, parseGpt2Config } from '@cola/lora'
import { adam, crossEntropy, generateArtifacts, TrainingSession } from '@cola/train'

const log = document.querySelector('#log')
const device = new URLSearchParams(location.search).get('device') ?? 'wasm'
const json = async (name) => (await fetch(`model/${name}`)).json()

try {
  const config = parseGpt2Config(await json('config.json'))
  const tokenizer = createTokenizer(await json('tokenizer.json'), await json('tokenizer_config.json'))
  const { tensors } = parseSafetensors(new Uint8Array(await (await fetch('model/model.safetensors')).arrayBuffer()))
  const model = lora(gpt2(config, gpt2Parameters(tensors, config)), {
    task_type: 'SEQ_CLS',
    r: 4,
    lora_alpha: 4,
    target_modules: 'all-linear',
  })
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: adam({ max_grad_norm: 1 }) }),
    device,
  })
  const rows = generateSentences({ seed: 1, count: 64 }).map(({ text, label }) => ({
    input_ids: tokenizer.encode(text),
    label,
  }))
  const losses = []
  for (let step = 0; step < 8; step++) {
    session.lazyResetGrad()
    losses.push((await session.runTrainStep(packRows(rows))).loss)
    await session.runOptimizerStep({ learningRate: 5e-3 })
    log.textContent = `${device}: ${losses.map((loss) => loss.toFixed(3)).join(', ')}`
  }
  await session.release()
  document.title = `done ${losses.at(-1) < losses[0]}`
} catch (error) {
  document.title = `failed ${error.message}`
}
