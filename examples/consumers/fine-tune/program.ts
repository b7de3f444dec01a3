import { consoleProgress, fineTune, loadFineTuned } from '@cola/lora'
import { rows } from './rows.ts'

const intents = await fineTune('Xenova/all-MiniLM-L6-v2', {
  train: rows,
  validation: 0.2,
  lora: { r: 8 },
  epochs: 4,
  callbacks: consoleProgress(),
})
console.log(JSON.stringify([intents.metrics, await intents.classify(['cancel it, please'])]))
await intents.save('out/intents')
const again = await loadFineTuned('out/intents')
console.log(JSON.stringify([again.metrics, await again.classify(['cancel it, please'])]))
