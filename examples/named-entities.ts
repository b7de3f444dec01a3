// %% [markdown]
// # Named entities
//
// Finds the persons, places and times in requests to a booking desk: a tag for each word, and the entities that tags
// make, with their places in the text.
//
//     npm run named-entities
//     npm run named-entities -- --model FOLDER|HUB_NAME --data FILE.jsonl

// %%
import { join } from 'node:path'
import { consoleProgress, fineTune, type TokenClassificationRow } from '@cola/lora'
import { drawCurve } from './support/curves.ts'
import { readJsonLines } from './support/data.ts'
import { outFolder } from './support/folders.ts'
import { percent, table } from './support/progress.ts'
import { commandLine } from './support/settings.ts'
import { bookingRows } from './tables/bookings.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub.
  model: 'Xenova/all-MiniLM-L6-v2',
  // Lines of JSON, { "text": ..., "spans": [{ "start", "end", "label" }] } or { "words": [...], "tags": [...] };
  // empty: 200 requests to a booking desk.
  data: '',
  // A text to find entities in.
  text: 'please book the Blue Heron for Nadia Petrova and Otto on Monday',
  epochs: 8,
  batch: 16,
  lr: 1e-3,
  seed: 1,
  out: outFolder('named-entities'),
})
const { seed, out } = settings

// %% [markdown]
// ## Texts with spans
//
// A span is a stretch of characters with a label. Words with tags of the scheme IOB2 (`B-PERSON`, `I-PERSON`, `O`) do as
// well: spans become such tags.

// %%
const rows = settings.data ? await readJsonLines<TokenClassificationRow>(settings.data) : bookingRows(seed)
console.log(rows[0])
// {
//   text: 'move the booking of Ines, it is on Friday',
//   spans: [ { start: 20, end: 24, label: 'PERSON' }, { start: 32, end: 41, label: 'TIME' } ]
// }

// %% [markdown]
// ## Fine-tuning
//
// The first piece of each word is labelled; the others are left out of the loss. An entity counts as found where its
// label and both its ends are right, as seqeval counts.

// %%
const tagger = await fineTune(settings.model, {
  task: 'TOKEN_CLS',
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
  Object.entries(tagger.metrics).map(([name, value]) => [name, percent(value)]),
)
// f1          100.00%

// %% [markdown]
// ## At work
//
// Names that no row had are found by what stands around them.

// %%
const [found = []] = await tagger.tag([settings.text])
console.log(settings.text)
for (const { label, text, start, end, score } of found)
  console.log(`  ${label} ${start}-${end} ${text} (${percent(score)})`)
// PLACE 12-26 the Blue Heron (97.62%)
// PERSON 31-44 Nadia Petrova (71.07%)
// PERSON 49-53 Otto (66.29%)
// TIME 54-63 on Monday (96.56%)
// please book the Blue Heron for Nadia Petrova and Otto on Monday
//   PLACE 12-26 the Blue Heron (97.62%)
//   PERSON 31-44 Nadia Petrova (71.07%)
//   PERSON 49-53 Otto (66.29%)
//   TIME 54-63 on Monday (96.56%)

// %% [markdown]
// ## Kept, and its curve

// %%
await tagger.save(join(out, 'adapter'))
await tagger.export(join(out, 'model'))
drawCurve(out, 'loss', tagger.training?.history ?? [], { title: 'Named entities' })
console.log(`\nwrote adapter, model and figure to ${out}`)
await tagger.release()
