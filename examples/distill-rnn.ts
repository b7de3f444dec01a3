// %% [markdown]
// # A classifier distilled into a small recurrent network
//
// Labels are dear and sentences are cheap: a teacher scores any number of unlabelled sentences, and a student of some
// ten thousand parameters learns from its logits (Hinton, Vinyals & Dean 2015) beside a few labels. The same student
// learns from the labels alone, for as many steps, on the same seeds.
//
//     npm run distill -- --teacher FOLDER --data FILE.csv|COLA_FOLDER
//
// The teacher is any classifier's folder: what `npm start` exported, which has learned from 4000 labels, what
// `npm run lora-onnx` did, or one from elsewhere.

// %%
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { accuracy, argMax, type LabelledText, majorityBaseline, matthewsCorrelation } from '@cola/data'
import { type DistilledStudent, type DistillOptions, type DistillRow, distill } from '@cola/distill'
import { type Device, stopSignal } from '@cola/train'
import { comparison, comparisonHeader, type Pairs, spread, three, verdict } from './support/compare.ts'
import { loadData, loadTable, readTexts, unlabelled } from './support/data.ts'
import { outFolder } from './support/folders.ts'
import { percent, table } from './support/progress.ts'
import { commandLine } from './support/settings.ts'
import { tableOf } from './support/students.ts'

// %% [markdown]
// ## Settings
//
// Each can be given on the command line: `--cell gru`, `--temperature 4`.

// %%
const settings = commandLine({
  // A classifier's folder; or a file of logits, one row a training sentence, all of which then have labels.
  teacher: join(outFolder('lora-gpt2'), 'classifier'),
  teacherLogits: '',
  // generator, glue, a folder or zip of CoLA, or a table with the columns text and label.
  data: 'generator',
  // Training sentences whose labels the student sees (0: all).
  labelled: 300,
  // A file of unlabelled sentences; empty: the other training sentences without their labels, and with the generator
  // this many new ones, which the teacher has not seen either.
  unlabelled: '',
  generated: 4000,
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
  // Of the student with distillation; the other one gets as many steps.
  epochs: 5,
  batch: 32,
  lr: 2e-3,
  seeds: 3,
  seed: 1,
  device: 'cpu',
  out: outFolder('distill-rnn'),
})
const { out, teacher, teacherLogits } = settings
if (!teacherLogits && !existsSync(teacher)) {
  console.error(`no teacher in ${teacher}: run \`npm start\` first, or name one with --teacher or --teacher-logits`)
  process.exit(1)
}

// %% [markdown]
// ## The data
//
// A row is a text and the name of its class. The validation rows choose the epoch; the held-out rows are scored once.

// %%
const isTable = /\.(csv|tsv|jsonl|json)$/.test(settings.data)
const onWarning = ({ message }: { message: string }) => console.log(`warning: ${message}`)
const { classes, ...data } = isTable
  ? await loadTable(settings.data, { seed: settings.seed, onWarning: (message) => onWarning({ message }) })
  : { classes: ['unacceptable', 'acceptable'], ...(await loadData(settings.data, settings.seed)) }
const rowsOf = (rows: readonly LabelledText[]): DistillRow[] =>
  rows.map(({ text, label }) => ({ text, label: classes[label] as string }))
const few = teacherLogits || !settings.labelled ? data.train.length : Math.min(settings.labelled, data.train.length)
const labelled = rowsOf(data.train.slice(0, few))
const transfer = settings.unlabelled
  ? await readTexts(settings.unlabelled)
  : settings.data === 'generator'
    ? unlabelled(settings.seed, data, settings.generated)
    : data.train.slice(few).map(({ text }) => text)
console.log(`${data.name}: ${few} labelled sentences, ${transfer.length} unlabelled ones that the teacher scores`)
// generated sentences: 300 labelled sentences, 4000 unlabelled ones that the teacher scores

// %% [markdown]
// ## Two students a seed
//
// The loss with distillation is `alpha T^2 KL(teacher || student) + (1 - alpha) cross-entropy`, both softened by the
// temperature T; an unlabelled sentence has its first part only. Without, it is the cross-entropy. The teacher is asked
// once for each sentence, and its logits are kept in the folder of the run.

// %%
const { signal } = stopSignal()
const embedding = settings.embedding ? tableOf(settings.embedding) : undefined
const steps = settings.epochs * Math.ceil((few + transfer.length) / settings.batch)
const common = {
  student: {
    cell: settings.cell as 'lstm',
    pooling: settings.pooling as 'max',
    hidden_size: settings.hidden,
    embedding_size: embedding?.width ?? settings.hidden,
  },
  labels: classes,
  tokenizer: settings.tokenizer || teacher,
  train: labelled,
  validation: rowsOf(data.validation),
  heldOut: { [data.heldOut.name]: rowsOf(data.heldOut.rows) },
  ...(embedding ? { embedding } : {}),
  batch_size: settings.batch,
  learning_rate: settings.lr,
  device: settings.device as Device,
  signal,
  callbacks: { onWarning },
} satisfies DistillOptions
const kinds = {
  without: { epochs: Math.round(steps / Math.ceil(few / settings.batch)) },
  with: {
    teacher: teacherLogits || teacher,
    transfer,
    ...(settings.data === 'generator' || isTable ? {} : { splits: { train: 'in_domain_train' } }),
    loss: { alpha: settings.alpha, temperature: settings.temperature, scale: settings.scale as 'square' },
    epochs: settings.epochs,
    output_dir: join(out, 'run'),
  },
} satisfies Record<string, Partial<DistillOptions>>

/** The students of each kind, one a seed. */
const students: Record<keyof typeof kinds, DistilledStudent[]> = { without: [], with: [] }
const seeds = Array.from({ length: settings.seeds }, (_, i) => settings.seed + i)
for (const seed of seeds) {
  for (const [kind, options] of Object.entries(kinds) as [keyof typeof kinds, Partial<DistillOptions>][]) {
    const student = await distill({ ...common, ...options, seed })
    if (student.training.stopped === 'aborted') process.exit(130)
    students[kind].push(student)
    const { history, best } = student.training
    const { accuracy: found } = student.metrics
    console.log(
      `seed ${seed}, ${kind} distillation: ${history.at(-1)?.step} steps, validation accuracy ${percent(found)} after ${best?.epoch} of ${history.length} epochs`,
    )
  }
}
// seed 1, with distillation: 675 steps, validation accuracy 92.50% after 5 of 5 epochs

// %% [markdown]
// ## What came of it
//
// `out/student` is a PyTorch module's weights (`nn.Embedding`, `nn.LSTM`, `nn.Linear`) and `out/classifier` an ONNX
// model for any runtime: the first seed's, with distillation.

// %%
const splits = { validation: data.validation, [data.heldOut.name]: data.heldOut.rows }
const predictions = (student: DistilledStudent, split: string): number[] =>
  ((split === 'validation' ? student.evaluation : student.heldOut[split])?.predictions ?? []).map((row) => argMax(row))
const truth = (split: string): number[] => (splits[split] ?? []).map(({ label }) => label)
const scores = (kind: keyof typeof kinds): string[] =>
  Object.keys(splits).flatMap((split) => {
    const found = students[kind].map((student) => predictions(student, split))
    return [
      spread(
        found.map((row) => accuracy(row, truth(split))),
        percent,
      ),
      spread(
        found.map((row) => matthewsCorrelation(row, truth(split))),
        three,
      ),
    ]
  })
console.log(`\nmean +- standard deviation over ${seeds.length} seeds`)
table(
  ['', ...Object.keys(splits).flatMap((split) => [`${split} accuracy`, 'MCC'])],
  [
    ['majority class', ...Object.keys(splits).flatMap((split) => [percent(majorityBaseline(truth(split))), '0.000'])],
    ['without distillation', ...scores('without')],
    ['with distillation', ...scores('with')],
  ],
)
const pairs = (split: string): Pairs => ({
  without: students.without.map((student) => predictions(student, split)),
  with: students.with.map((student) => predictions(student, split)),
  truth: truth(split),
})
if (classes.length === 2) {
  console.log()
  table(
    comparisonHeader,
    Object.keys(splits).flatMap((split) => comparison(split, pairs(split))),
  )
  for (const split of Object.keys(splits)) console.log(verdict(split, pairs(split)).replaceAll('**', ''))
}

// %% [markdown]
// ## The student at work

// %%
const student = students.with[0] as DistilledStudent
await student.save(join(out, 'student'))
await student.export(join(out, 'classifier'))
const texts = data.validation.slice(0, 2).map(({ text }) => text)
console.log()
for (const [i, { label, probabilities }] of (await student.classify(texts)).entries())
  console.log(`${String(label).padEnd(14)} ${percent(Math.max(...probabilities))}  ${texts[i]}`)
// acceptable     100.00%  The boy planned to mend the basket.
console.log(`\nwrote student (PyTorch's names) and classifier (ONNX) to ${out}`)
for (const one of [...students.without, ...students.with]) await one.release()
