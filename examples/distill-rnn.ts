// %% [markdown]
// # A classifier distilled into a small recurrent network
//
// A student of a few hundred thousand parameters learns from a teacher's logits beside the labels (Hinton, Vinyals &
// Dean 2015): they say how sure the teacher is, and which other class it thinks of.
//
//     npm run distill -- --teacher FOLDER --data FILE.csv|COLA_FOLDER
//
// The teacher is any classifier's folder: what `npm start` exported, `npm run lora-onnx` did, or one from elsewhere.

// %%
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { majorityBaseline } from '@cola/data'
import { type DistillOptions, type DistillRow, distill } from '@cola/distill'
import { consoleProgress, type Device, type Metrics, stopSignal } from '@cola/train'
import { loadData, loadTable } from './support/data.ts'
import { outFolder } from './support/folders.ts'
import { decimal, percent, table } from './support/progress.ts'
import { commandLine } from './support/settings.ts'
import { tableOf } from './support/students.ts'

// %% [markdown]
// ## Settings
//
// Each can be given on the command line: `--cell gru`, `--temperature 4`.

// %%
const settings = commandLine({
  // A classifier's folder; or a file of logits, one row a sentence.
  teacher: join(outFolder('lora-gpt2'), 'classifier'),
  teacherLogits: '',
  // generator, glue, a folder or zip of CoLA, or a table with the columns text and label.
  data: 'generator',
  // Folder or hub name; empty: the teacher's.
  tokenizer: '',
  // The student: rnn, gru or lstm; read at its last token, its mean or its maximum.
  cell: 'lstm',
  pooling: 'max',
  hidden: 64,
  // FOLDER:TENSOR whose rows the embedding starts from; empty: random ones.
  embedding: '',
  // The loss: the teacher's share, the temperature, and what the soft loss is multiplied by.
  alpha: 0.5,
  temperature: 2,
  scale: 'square',
  epochs: 5,
  batch: 32,
  lr: 2e-3,
  seed: 1,
  device: 'cpu',
  out: outFolder('distill-rnn'),
})
const { seed, out, teacher, teacherLogits } = settings
if (!teacherLogits && !existsSync(teacher)) {
  console.error(`no teacher in ${teacher}: run \`npm start\` first, or name one with --teacher or --teacher-logits`)
  process.exit(1)
}

// %% [markdown]
// ## The data
//
// A row is a text and the name of its class.

// %%
const isTable = /\.(csv|tsv|jsonl|json)$/.test(settings.data)
const { classes, ...data } = isTable
  ? await loadTable(settings.data, { seed, onWarning: (message) => console.log(`warning: ${message}`) })
  : { classes: ['unacceptable', 'acceptable'], ...(await loadData(settings.data, seed)) }
const rowsOf = (rows: typeof data.train): DistillRow[] =>
  rows.map(({ text, label }) => ({ text, label: classes[label] as string }))
const validation = rowsOf(data.validation)
console.log(`${data.name}: ${data.train.length} sentences to train on, ${validation.length} to validate`)
// generated sentences: 4000 sentences to train on, 600 to validate

// %% [markdown]
// ## Distillation
//
// The teacher is asked once for each training sentence. The student's embedding has rows for the tokens that occur; the
// loss is `alpha T^2 KL(teacher || student) + (1 - alpha) cross-entropy`, both softened by the temperature T.

// %%
const embedding = settings.embedding ? tableOf(settings.embedding) : undefined
const student = await distill({
  student: {
    cell: settings.cell as 'lstm',
    pooling: settings.pooling as 'max',
    hidden_size: settings.hidden,
    embedding_size: embedding?.width ?? settings.hidden,
  },
  teacher: teacherLogits || teacher,
  labels: classes,
  train: rowsOf(data.train),
  validation,
  heldOut: { [data.heldOut.name]: rowsOf(data.heldOut.rows) },
  ...(settings.tokenizer || teacherLogits ? { tokenizer: settings.tokenizer || teacher } : {}),
  ...(settings.data === 'generator' || isTable ? {} : { splits: { train: 'in_domain_train' } }),
  ...(embedding ? { embedding } : {}),
  loss: { alpha: settings.alpha, temperature: settings.temperature, scale: settings.scale as 'square' },
  epochs: settings.epochs,
  batch_size: settings.batch,
  learning_rate: settings.lr,
  device: settings.device as Device,
  seed,
  signal: stopSignal().signal,
  callbacks: consoleProgress(),
} satisfies DistillOptions)
if (student.training.stopped === 'aborted') process.exit(130)
// epoch 5  train loss 0.1567  eval loss 0.0908  accuracy 0.9533  mcc 0.9067  ...  *

// %% [markdown]
// ## What came of it
//
// `out/student` is a PyTorch module's weights (`nn.Embedding`, `nn.LSTM`, `nn.Linear`) and `out/classifier` an ONNX
// model for any runtime.

// %%
await student.save(join(out, 'student'))
await student.export(join(out, 'classifier'))
const score = (name: string, rows: typeof data.train, { accuracy, mcc }: Metrics = {}) => [
  name,
  percent(accuracy),
  decimal(mcc),
  percent(majorityBaseline(rows.map(({ label }) => label))),
]
table(
  ['', 'accuracy', 'MCC', 'majority class'],
  [
    score('validation', data.validation, student.evaluation?.metrics),
    score(data.heldOut.name, data.heldOut.rows, student.heldOut[data.heldOut.name]?.metrics),
  ],
)

// %% [markdown]
// ## The student at work

// %%
const texts = validation.slice(0, 2).map(({ text }) => text)
for (const [i, { label, probabilities }] of (await student.classify(texts)).entries())
  console.log(`${String(label).padEnd(14)} ${percent(Math.max(...probabilities))}  ${texts[i]}`)
// acceptable     100.00%  The boy planned to mend the basket.
console.log(`\nwrote student (PyTorch's names) and classifier (ONNX) to ${out}`)
await student.release()
