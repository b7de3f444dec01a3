// %% [markdown]
// # First steps
//
// A table of texts with labels becomes a classifier in ten lines. The model is a pretrained sentence encoder from the
// hub; it is downloaded once (90 MB).
//
//     npm run first-steps
//     npm run first-steps -- --model FOLDER|HUB_NAME

// %%
import { consoleProgress, fineTune, loadFineTuned } from '@cola/lora'
import { intentRows } from './tables/intents.ts'
import { outFolder } from './support/folders.ts'
import { commandLine } from './support/settings.ts'

const settings = commandLine({
  // Folder, or name on the hub.
  model: 'Xenova/all-MiniLM-L6-v2',
  out: outFolder('first-steps'),
})

// %% [markdown]
// ## Rows
//
// A row is a text and its label: a string, a number or a boolean. These 180 are of three kinds of requests to a shop.

// %%
const rows = intentRows(1)
console.log(rows.slice(0, 3))
// [
//   { text: 'Tracking number 1333 shows no movement', label: 'track' },
//   { text: 'Tracking number 1481 shows no movement', label: 'track' },
//   { text: 'are you open on Sundays', label: 'hours' }
// ]

// %% [markdown]
// ## Fine-tuning
//
// A fifth of the rows is kept to choose the best epoch by. The rest trains a LoRA adapter: small matrices beside the
// model's own, which stay as they are.

// %%
const intents = await fineTune(settings.model, {
  train: rows,
  validation: 0.2,
  lora: { r: 8 },
  epochs: 4,
  callbacks: consoleProgress(),
})
console.log(intents.metrics)
// { accuracy: 1, mcc: 1, f1_macro: 1, f1_micro: 1, f1_weighted: 1 }

// %% [markdown]
// ## At work
//
// A probability comes with each label.

// %%
console.log(await intents.classify(['cancel it, please, I want my money back']))
// [ { label: 'refund', index: 1, score: 0.995, labels: [ 'refund' ], probabilities: [ 0.003, 0.995, 0.002 ] } ]

// %% [markdown]
// ## Kept, and opened again
//
// The folder holds the adapter as PEFT has it, the labels, the tokenizer, and how the base model is opened.

// %%
await intents.save(settings.out)
await intents.release()
const again = await loadFineTuned(settings.out)
console.log((await again.classify(['when do you close?']))[0]?.label)
// hours
await again.release()
