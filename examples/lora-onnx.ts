// Fine-tunes any pretrained ONNX model with LoRA to classify texts: an encoder such as MiniLM, a decoder such as
// SmolLM2.
// npm run lora-onnx -- --model FOLDER|HUB_NAME --data COLA_FOLDER|FILE.csv|FILE.tsv|FILE.jsonl|FILE.json
//   [--text text] [--label label] [--encoding utf-8] [--quoting minimal|none|auto] [--delimiter ,]
//   [--pooling last|first|mean] [--targets all-linear] [--rank 8] [--alpha 16] [--dropout 0] [--train-too LayerNorm]
//   [--epochs 4] [--batch 16] [--lr 1e-3] [--frozen-products float32|int8] [--best mcc|loss|...] [--device cpu]
//   [--seed 1] [--out out/lora-onnx] [--resume] [--json]

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { encodeRows, majorityBaseline, type Quoting, type TokenRow } from '@cola/data'
import {
  countParameters,
  exportMerged,
  formatParameters,
  inspect,
  lora,
  type Pooling,
  withParameters,
  writeAdapter,
} from '@cola/lora'
import {
  adamw,
  crossEntropy,
  type Device,
  type FrozenProducts,
  generateArtifacts,
  loadClassifier,
  type Metrics,
  stopSignal,
  Trainer,
  TrainingSession,
} from '@cola/train'
import { classScores } from './support/classes.ts'
import { loadTable } from './support/data.ts'
import { drawFigure } from './support/figures.ts'
import { openWithHead } from './support/onnx.ts'
import {
  confusionTable,
  decimal,
  epochLine,
  percent,
  progressBar,
  summary,
  table,
  warnOnce,
} from './support/progress.ts'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    file: { type: 'string' },
    data: { type: 'string' },
    text: { type: 'string', default: 'text' },
    label: { type: 'string', default: 'label' },
    encoding: { type: 'string' },
    quoting: { type: 'string' },
    delimiter: { type: 'string' },
    pooling: { type: 'string' },
    targets: { type: 'string', default: 'all-linear' },
    rank: { type: 'string', default: '8' },
    alpha: { type: 'string', default: '16' },
    dropout: { type: 'string', default: '0' },
    'train-too': { type: 'string' },
    epochs: { type: 'string', default: '4' },
    batch: { type: 'string', default: '16' },
    lr: { type: 'string', default: '1e-3' },
    'frozen-products': { type: 'string', default: 'float32' },
    device: { type: 'string', default: 'cpu' },
    best: { type: 'string' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'out', 'lora-onnx') },
    resume: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
if (!options.model || !options.data) {
  console.error(
    'usage: npm run lora-onnx -- --model FOLDER|HUB_NAME --data COLA_FOLDER|FILE.csv|FILE.tsv|FILE.jsonl|FILE.json',
  )
  process.exit(2)
}
const [rank, alpha, epochs, batch, seed] = [
  options.rank,
  options.alpha,
  options.epochs,
  options.batch,
  options.seed,
].map(Number) as [number, number, number, number, number]

// ## Data: sentences, and classes by name
const warn = warnOnce()
const data = await loadTable(options.data, {
  text: options.text,
  label: options.label,
  ...(options.encoding === undefined ? {} : { encoding: options.encoding }),
  ...(options.quoting === undefined ? {} : { quoting: options.quoting as Quoting }),
  ...(options.delimiter === undefined ? {} : { delimiter: options.delimiter }),
  onWarning: warn,
  seed,
})
console.log(
  `${data.name}: ${data.train.length} to train on, ${data.validation.length} to validate, classes ${data.classes.join(', ')}`,
)

// ## Model: its linear layers, a head, LoRA
const base = await openWithHead(options.model, {
  num_labels: data.classes.length,
  labels: data.classes,
  pooling: options.pooling as Pooling | undefined,
  seed,
  file: options.file,
})
const layers = inspect(base.model).filter(({ kind }) => kind === 'linear')
console.log(
  `${base.config.model_type}, read at the ${base.pooling} token; ${layers.length} linear layers, such as ${layers
    .slice(0, 4)
    .map(({ module }) => module)
    .join(', ')}`,
)
const targets = options.targets === 'all-linear' ? options.targets : options.targets.split(',')
const model = lora(
  base.model,
  {
    task_type: 'SEQ_CLS',
    r: rank,
    lora_alpha: alpha,
    lora_dropout: Number(options.dropout),
    target_modules: targets,
    modules_to_save: options['train-too']?.split(',') ?? [],
  },
  { seed },
)
for (const warning of model.warnings) console.warn(`warning: ${warning}`)
console.log(`parameters: ${formatParameters(countParameters(model))}\n`)

// ## Training
let truncated = 0
const encode = (rows: typeof data.train): TokenRow[] => {
  const encoded = encodeRows(base.tokenizer, rows, base.limits)
  truncated += encoded.truncated
  return encoded.rows
}
const [train, validation, heldOut] = [encode(data.train), encode(data.validation), encode(data.heldOut.rows)]
if (truncated > 0) console.log(`warning: ${truncated} rows were cut to the model's ${base.limits.max_length} tokens`)
const session = await TrainingSession.create({
  artifacts: generateArtifacts(model, {
    loss: crossEntropy(),
    optimizer: adamw({ weight_decay: 0.01, max_grad_norm: 1 }),
    frozenProducts: options['frozen-products'] as FrozenProducts,
  }),
  device: options.device as Device,
  seed,
})
const trainer = new Trainer<TokenRow, number>({
  session,
  data: {
    train,
    evaluation: validation,
    collate: (rows) => ({
      ...base.collate(rows),
      labels: { data: Int32Array.from(rows, ({ label }) => label), dims: [rows.length] },
    }),
    tokens: (row) => row.input_ids.length,
  },
  epochs,
  batch_size: batch,
  eval_batch_size: 64,
  learning_rate: Number(options.lr),
  lr_scheduler_type: 'linear',
  warmup: 0.06,
  train_sampling_strategy: 'group_by_length',
  seed,
  ...classScores,
  // MCC of few rows takes few values, and of equal epochs the first would be kept, whose probabilities are the vaguest.
  metric_for_best_model: options.best ?? (validation.length < 200 ? 'loss' : 'mcc'),
  output_dir: options.out,
  resume: options.resume,
  save_steps: 200,
  signal: stopSignal().signal,
  callbacks: { onStep: progressBar, onEpoch: epochLine, onWarning: ({ message }) => warn(message) },
})
const started = performance.now()
const result = await trainer.train()
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`)
if (result.stopped === 'aborted') process.exit(130)

// ## The adapter, in PEFT's format, and a classifier for any ONNX Runtime
const trained = withParameters(model, await session.getParameters())
writeAdapter(join(options.out, 'adapter'), trained, { baseModel: options.model })
exportMerged(trained, {
  folder: join(options.out, 'classifier'),
  config: base.config,
  tokenizerFolder: base.folder,
  labels: data.classes,
})

// ## Scores
const scored = { validation: await trainer.evaluate(validation), held_out: await trainer.evaluate(heldOut) }
const all = options.json ? { train: await trainer.evaluate(train), ...scored } : scored
await session.release()
const score = (name: string, rows: readonly TokenRow[], { accuracy, mcc, f1_macro }: Metrics) => [
  name,
  percent(majorityBaseline(rows.map(({ label }) => label))),
  percent(accuracy),
  decimal(mcc),
  decimal(f1_macro),
]
table(
  ['', 'majority', 'accuracy', 'MCC', 'F1 macro'],
  [
    score('validation', validation, scored.validation.metrics),
    score(data.heldOut.name, heldOut, scored.held_out.metrics),
  ],
)
confusionTable(
  scored.validation.predictions,
  validation.map(({ label }) => label),
  data.classes,
)
for (const quantity of ['accuracy', 'loss'] as const) {
  const points = result.history.flatMap(({ epoch, train_loss, train_metrics, eval_loss, eval_metrics }) => [
    { epoch, series: 'train', value: quantity === 'loss' ? train_loss : (train_metrics.accuracy ?? 0) },
    { epoch, series: 'validation', value: quantity === 'loss' ? eval_loss : (eval_metrics.accuracy ?? 0) },
  ])
  drawFigure(options.out, quantity, points, { title: `${quantity} against epoch`, label: quantity })
}

// ## The classifier at work
const classifier = await loadClassifier(join(options.out, 'classifier'), { device: options.device as Device })
const texts = data.validation.slice(0, 2).map(({ text }) => text)
for (const [i, { label, probabilities }] of (await classifier.classify(texts)).entries())
  console.log(`${label.padEnd(14)} ${percent(Math.max(...probabilities))}  ${texts[i]}`)
await classifier.release()
console.log(`\nwrote adapter, classifier, figures and log to ${options.out}`)
if (options.json) console.log(summary(data.classes, result.history, result.best?.epoch, all))
