// %% [markdown]
// # Several labels a text
//
// A message to a shop may be about its delivery and about a payment at once, or about neither. Where the labels of rows
// are arrays, `fineTune` trains one yes or no for each label (transformers' `multi_label_classification`; binary
// cross-entropy).
//
//     npm run several-labels
//     npm run several-labels -- --model FOLDER|HUB_NAME --data FILE.jsonl

// %%
import { join } from 'node:path'
import { consoleProgress, fineTune } from '@cola/lora'
import { drawCurve } from './support/curves.ts'
import { readJsonLines } from './support/data.ts'
import { outFolder } from './support/folders.ts'
import { percent, table } from './support/progress.ts'
import { commandLine } from './support/settings.ts'
import { ticketRows } from './tables/tickets.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub.
  model: 'Xenova/all-MiniLM-L6-v2',
  // Lines of JSON, { "text": ..., "label": [...] }; empty: 240 messages to a shop.
  data: '',
  epochs: 8,
  batch: 16,
  lr: 1e-3,
  seed: 1,
  out: outFolder('several-labels'),
})
const { seed, out } = settings

// %% [markdown]
// ## Messages
//
// An empty array is a label like any other: nobody needs to act.

// %%
type Row = ReturnType<typeof ticketRows>[number]
const rows = settings.data ? await readJsonLines<Row>(settings.data) : ticketRows(seed)
for (const { text, label } of rows.slice(0, 3)) console.log(`${label.join(', ') || '-'}: ${text}`)
// account, payment: the refund for the rug is not on my card; I cannot log in

// %% [markdown]
// ## Fine-tuning
//
// Scores are of single decisions (`f1_micro`, and the mean of the labels' own, `f1_macro`) and of whole rows
// (`subset_accuracy`: all labels right and no other). With fewer than 200 validation rows the loss chooses the best epoch.

// %%
const tickets = await fineTune(settings.model, {
  train: rows,
  validation: 0.2,
  epochs: settings.epochs,
  batch_size: settings.batch,
  learning_rate: settings.lr,
  seed,
  callbacks: consoleProgress(),
})

// %%
table(
  ['validation', ''],
  Object.entries(tickets.metrics).map(([name, value]) => [name, percent(value)]),
)
// subset_accuracy  100.00%
// f1_micro         100.00%

// %% [markdown]
// ## At work
//
// Each label has a probability of its own; those of one half and more are the answer.

// %%
const texts = [
  'the kettle arrived broken and you charged me twice',
  'how nice, thank you',
  'I cannot log in, where is my parcel?',
]
for (const [i, { labels, probabilities }] of (await tickets.classify(texts)).entries()) {
  const each = tickets.labels.map((label, k) => `${label} ${percent(probabilities[k])}`)
  console.log(`${texts[i]}\n  ${labels.join(', ') || 'none'}  (${each.join(', ')})`)
}
// the kettle arrived broken and you charged me twice
//   payment, product  (account 1.28%, delivery 2.97%, payment 96.09%, product 86.76%)

// %% [markdown]
// ## Kept, and its curve

// %%
await tickets.save(join(out, 'adapter'))
drawCurve(out, 'loss', tickets.training?.history ?? [], { title: 'Several labels a text' })
console.log(`\nwrote adapter and figure to ${out}`)
await tickets.release()
