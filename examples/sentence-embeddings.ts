// %% [markdown]
// # Sentence embeddings for search
//
// A sentence encoder gives each text a vector; texts that mean the same are near each other. It cannot know the words of
// one's own house: here a shop's handbooks call the kettle Brisk and the lamp Lumen. Pairs of a question and the page
// that answers it teach it.
//
//     npm run sentence-embeddings
//     npm run sentence-embeddings -- --model FOLDER|HUB_NAME --data FILE.jsonl

// %%
import { join } from 'node:path'
import { consoleProgress, fineTune } from '@cola/lora'
import { drawCurve } from './support/curves.ts'
import { readJsonLines } from './support/data.ts'
import { outFolder } from './support/folders.ts'
import { percent, table } from './support/progress.ts'
import { commandLine } from './support/settings.ts'
import { handbookPairs } from './tables/handbooks.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub.
  model: 'Xenova/all-MiniLM-L6-v2',
  // Lines of JSON, { "anchor": ..., "positive": ... }; empty: 96 questions to a shop.
  data: '',
  epochs: 4,
  batch: 8,
  lr: 1e-3,
  seed: 1,
  out: outFolder('sentence-embeddings'),
})
const { seed, out } = settings

// %% [markdown]
// ## Questions and pages
//
// Four wordings of each question to train on; two others are kept to see whether the right page of 24 is found.

// %%
type Pair = ReturnType<typeof handbookPairs>[number]
const rows = settings.data ? await readJsonLines<Pair>(settings.data) : handbookPairs(0, 4)
const validation = settings.data ? 0.2 : handbookPairs(4, 6)
console.log(rows[0])
// { anchor: 'how do I clean my kettle', positive: 'Brisk handbook: care and cleaning' }

// %% [markdown]
// ## Before
//
// A learning rate of zero leaves the model as it is: these are the scores of the pretrained encoder. `accuracy_at_1` is
// the share of questions whose page is the nearest of all.

// %%
const common = { task: 'FEATURE_EXTRACTION', train: rows, validation, batch_size: settings.batch, seed } as const
const before = await fineTune(settings.model, { ...common, epochs: 1, learning_rate: 0 })
await before.release()

// %% [markdown]
// ## Fine-tuning
//
// In a batch, the other questions' pages are the wrong answers (in-batch negatives, Henderson et al. 2017;
// MultipleNegativesRankingLoss of sentence-transformers). Larger batches have more of them.

// %%
const search = await fineTune(settings.model, {
  ...common,
  epochs: settings.epochs,
  learning_rate: settings.lr,
  callbacks: consoleProgress(),
})
table(
  ['validation', 'before', 'after'],
  Object.keys(search.metrics).map((name) => [name, percent(before.metrics[name]), percent(search.metrics[name])]),
)
// accuracy_at_1    39.58%  100.00%
// accuracy_at_10   95.83%  100.00%

// %% [markdown]
// ## Search
//
// Vectors have length 1: their dot product is the cosine of the angle between them. Pages are embedded once; a question
// costs one pass through the model.

// %%
const pages = [...new Set(rows.map(({ positive }) => positive))]
const questions = settings.data
  ? rows.slice(0, 2).map(({ anchor }) => anchor)
  : ['tea tastes of chalk', 'a light bulb that fits']
for (const [i, cosines] of (await search.similarity(questions, pages)).entries()) {
  const nearest = cosines.indexOf(Math.max(...cosines))
  console.log(`${questions[i]}\n  ${cosines[nearest]?.toFixed(3)}  ${pages[nearest]}`)
}
// tea tastes of chalk
//   0.375  Brisk handbook: care and cleaning

// %% [markdown]
// ## For other programs
//
// The folder is what sentence-transformers and transformers.js read: the model with its pooling, in float32.

// %%
await search.save(join(out, 'adapter'))
await search.export(join(out, 'model'), { layout: 'hub' })
drawCurve(out, 'loss', search.training?.history ?? [], { title: 'Sentence embeddings with LoRA' })
console.log(`\nwrote adapter, model and figure to ${out}`)
await search.release()
