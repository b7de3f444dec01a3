// Distils a classifier into a small RNN: the report's experiment 2, for one seed.
// npm run distill -- [--teacher FOLDER] [--teacher-logits FILE] [--data FOLDER|ZIP|glue] [--tokenizer FOLDER]
// [--embedding FOLDER:TENSOR] [--cell rnn|gru|lstm] [--pooling last|mean|max]
//   [--hidden 768] [--alpha 0.8] [--temperature 2] [--scale inverse-square|square|none] [--epochs 5] [--batch 128]
// [--lr 1e-3] [--seed 1] [--device cpu] [--out out/distill-rnn] The teacher is any classifier's folder: what `npm
// start` exported, or what examples/lora-onnx.ts did.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { classificationMetrics, encodeTexts, longestInput, majorityBaseline, readTokenizer } from '@cola/data'
import { cachedTeacher, distill, teacherFromClassifier, teacherFromFile } from '@cola/distill'
import { createStudent, exportStudent, parseDistilRnnConfig, saveStudent } from '@cola/rnn'
import { type Device, loadClassifier, stopSignal } from '@cola/train'
import { loadData } from './support/data.ts'
import { epochLine, percent, progressBar, table } from './support/progress.ts'
import { reportStudent } from './support/report/student.ts'
import { tableOf } from './support/students.ts'

const root = join(import.meta.dirname, '..')
const { values: options } = parseArgs({
  options: {
    teacher: { type: 'string', default: join(root, 'out', 'lora-gpt2', 'classifier') },
    'teacher-logits': { type: 'string' },
    data: { type: 'string', default: 'generator' },
    tokenizer: { type: 'string' },
    embedding: { type: 'string' },
    cell: { type: 'string', default: 'rnn' },
    pooling: { type: 'string', default: 'last' },
    hidden: { type: 'string' },
    alpha: { type: 'string', default: '0.8' },
    temperature: { type: 'string', default: '2' },
    scale: { type: 'string', default: 'inverse-square' },
    epochs: { type: 'string', default: '5' },
    batch: { type: 'string', default: '128' },
    lr: { type: 'string', default: '1e-3' },
    seed: { type: 'string', default: '1' },
    device: { type: 'string', default: 'cpu' },
    out: { type: 'string', default: join(root, 'out', 'distill-rnn') },
  },
})
const seed = Number(options.seed)
const device = options.device as Device

// ## The teacher: a classifier, asked once a sentence; or a file of its logits
if (!options['teacher-logits'] && !existsSync(options.teacher)) {
  console.error(
    `no teacher in ${options.teacher}: run \`npm start\` first, or name one with --teacher or --teacher-logits`,
  )
  process.exit(1)
}
const classifier = options['teacher-logits'] ? undefined : await loadClassifier(options.teacher, { device })
const teacher = classifier
  ? cachedTeacher(teacherFromClassifier(classifier), { folder: join(options.out, 'logits') })
  : teacherFromFile(options['teacher-logits'] as string)

// ## Data
const data = await loadData(options.data, seed)
const tokenizerFolder = options.tokenizer ?? options.teacher
const tokenizer = await readTokenizer(tokenizerFolder)
console.log(`${data.name}: ${data.train.length} sentences to train on, ${data.validation.length} to validate`)

// ## The student: its embedding has rows for the tokens that occur
const embedding = options.embedding === undefined ? undefined : tableOf(options.embedding)
const width = Number(options.hidden ?? (options.data === 'generator' ? 128 : 768))
const config = parseDistilRnnConfig({
  vocab_size: embedding?.rows ?? tokenizer.vocabSize,
  ...reportStudent,
  embedding_size: embedding?.width ?? width,
  hidden_size: width,
  cell: options.cell,
  pooling: options.pooling,
})
const max_length = longestInput(config, tokenizer)
const { rows: encoded, truncated } = encodeTexts(tokenizer, [...data.train, ...data.validation, ...data.heldOut.rows], {
  max_length,
})
if (truncated > 0) console.log(`warning: ${truncated} sentences were cut to ${max_length} tokens`)
const sentences = encoded.map(({ input_ids }) => input_ids)
const student = createStudent({ config, sentences, seed, ...(embedding ? { embedding } : {}) })

// ## Training
const result = await distill({
  student,
  encode: (text) => tokenizer.encode(text, { max_length }),
  teacher,
  splits: options.data === 'generator' ? {} : { train: 'in_domain_train' },
  data: { train: data.train, evaluation: data.validation, held_out: { [data.heldOut.name]: data.heldOut.rows } },
  loss: { alpha: Number(options.alpha), temperature: Number(options.temperature), scale: options.scale as 'square' },
  epochs: Number(options.epochs),
  batch_size: Number(options.batch),
  learning_rate: Number(options.lr),
  lr_scheduler_type: 'constant',
  seed,
  device,
  compute_metrics: classificationMetrics,
  metric_for_best_model: 'mcc',
  signal: stopSignal().signal,
  callbacks: {
    onStep: progressBar,
    onEpoch: epochLine,
    onWarning: ({ message }) => console.log(`warning: ${message}`),
  },
})
await classifier?.release()
if (result.stopped === 'aborted') process.exit(130)

// ## What came of it, as PyTorch has it and as a classifier for any ONNX Runtime
const parameters = student.parameters(result.parameters)
saveStudent(join(options.out, 'student'), { config, parameters })
exportStudent({
  folder: join(options.out, 'classifier'),
  config,
  parameters,
  tokenizerFolder,
  labels: ['unacceptable', 'acceptable'],
})
const scores = { validation: result.evaluation, ...result.held_out }
const labels: Record<string, number[]> = {
  validation: data.validation.map(({ label }) => label),
  [data.heldOut.name]: data.heldOut.rows.map(({ label }) => label),
}
table(
  ['', 'accuracy', 'MCC', 'majority class'],
  Object.entries(scores).map(([name, score]) => [
    name,
    percent(score?.metrics.accuracy),
    (score?.metrics.mcc ?? 0).toFixed(3),
    percent(majorityBaseline(labels[name] ?? [])),
  ]),
)
console.log(`\nwrote student (PyTorch's names) and classifier (ONNX) to ${options.out}`)
