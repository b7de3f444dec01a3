// Fine-tunes GPT-2 with LoRA to tell acceptable sentences from others: the report's experiment 1.
// npm start -- [--model FOLDER|HUB_NAME] [--data FOLDER|ZIP|glue] [--device cpu|webgpu|cuda] [--epochs 10] [--batch
// 128] [--lr 1e-3] [--rank 4] [--seed 1] [--out out/lora-gpt2] [--resume] [--json]

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { encodeRows, longestInput, majorityBaseline } from '@cola/data'
import {
  countParameters,
  exportClassifier,
  formatParameters,
  gpt2,
  loadPretrained,
  lora,
  merge,
  randomGpt2,
  withParameters,
  writeAdapter,
} from '@cola/lora'
import { type Device, loadClassifier, stopSignal } from '@cola/train'
import { drawCurve } from './support/curves.ts'
import { loadData } from './support/data.ts'
import { finetune } from './support/finetune.ts'
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
import { reportLora } from './support/report/lora-config.ts'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(import.meta.dirname, 'model') },
    data: { type: 'string', default: 'generator' },
    device: { type: 'string', default: 'cpu' },
    epochs: { type: 'string', default: '10' },
    batch: { type: 'string', default: '128' },
    lr: { type: 'string' },
    rank: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: join(import.meta.dirname, '..', 'out', 'lora-gpt2') },
    resume: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [epochs, batch, rank, seed] = [options.epochs, options.batch, options.rank, options.seed].map(Number) as [
  number,
  number,
  number,
  number,
]
const embedded = options.data === 'generator'
// The report's rate suits a pretrained GPT-2; the embedded model is a thousand times smaller and wants a larger one.
const learningRate = Number(options.lr ?? (embedded ? 5e-3 : 1e-3))

// ## Data
const classes = ['unacceptable', 'acceptable']
const data = await loadData(options.data, seed)
const pretrained = await loadPretrained(options.model, { num_labels: 2, seed })
const max_length = longestInput(pretrained.config, pretrained.tokenizer)
const encode = (rows: typeof data.train) => encodeRows(pretrained.tokenizer, rows, { max_length })
const [train, validation, heldOut] = [encode(data.train), encode(data.validation), encode(data.heldOut.rows)]
console.log(
  `${data.name}: ${train.rows.length} to train on, ${validation.rows.length} to validate, ${heldOut.rows.length} of ${data.heldOut.name}; ${train.truncated + validation.truncated + heldOut.truncated} cut to ${max_length} tokens`,
)

// ## Model
const loraConfig = { ...reportLora, r: rank, lora_alpha: rank }
const model = lora(pretrained.model, loraConfig, { seed })
console.log(`parameters: ${formatParameters(countParameters(model))}\n`)

// ## Training
const { signal } = stopSignal()
const warn = warnOnce()
const run = {
  train: train.rows,
  validation: validation.rows,
  heldOut: heldOut.rows,
  device: options.device as Device,
  epochs,
  batch_size: batch,
  learning_rate: learningRate,
  lr_scheduler_type: embedded ? ('linear' as const) : ('constant' as const),
  seed,
  signal,
}
const tuned = await finetune({
  ...run,
  model,
  scoreTrain: options.json,
  output_dir: options.out,
  resume: options.resume,
  callbacks: { onStep: progressBar, onEpoch: epochLine, onWarning: ({ message }) => warn(message) },
})
if (tuned.stopped === 'aborted') {
  console.log(`\nstopped; go on with --resume (checkpoint in ${options.out})`)
  process.exit(130)
}

// ## The adapter, in PEFT's format, and a classifier for any ONNX Runtime
const trained = withParameters(model, tuned.parameters)
writeAdapter(join(options.out, 'adapter'), trained, { baseModel: options.model })
exportClassifier(merge(trained), {
  folder: join(options.out, 'classifier'),
  config: pretrained.config,
  tokenizerFolder: pretrained.folder,
  labels: classes,
})

// ## The table: the same run from random weights, where that is quick, shows what pre-training is worth
const random = () => lora(gpt2(pretrained.config, randomGpt2(pretrained.config, { seed })), loraConfig, { seed })
const fromRandom = embedded ? await finetune({ ...run, model: random() }) : undefined
const row = (name: string, { accuracy, mcc, f1 }: Record<string, number>) => [
  name,
  percent(accuracy),
  decimal(mcc),
  decimal(f1),
]
const labels = {
  validation: validation.rows.map(({ label }) => label),
  heldOut: heldOut.rows.map(({ label }) => label),
}
console.log(`\nbest epoch ${tuned.best?.epoch}`)
table(
  ['', 'accuracy', 'MCC', 'F1'],
  [
    row('majority class, validation', { accuracy: majorityBaseline(labels.validation), mcc: 0, f1: 0 }),
    row('LoRA, validation', tuned.validation.metrics),
    row(`LoRA, ${data.heldOut.name}`, tuned.heldOut.metrics),
    ...(fromRandom
      ? [
          row('from random weights, validation', fromRandom.validation.metrics),
          row(`from random weights, ${data.heldOut.name}`, fromRandom.heldOut.metrics),
        ]
      : []),
  ],
)
confusionTable(tuned.validation.predictions, labels.validation, classes)

// ## Figures
const majority = majorityBaseline(labels.validation)
for (const quantity of ['accuracy', 'loss'] as const)
  drawCurve(options.out, quantity, tuned.history, { title: 'GPT-2 with LoRA', majority })

// ## The classifier at work
const classifier = await loadClassifier(join(options.out, 'classifier'))
for (const text of ['The girls in the garden laugh.', 'The girls in the garden laughs.']) {
  for (const { label, probabilities } of await classifier.classify([text]))
    console.log(`${text.padEnd(34)} ${label} (${percent(Math.max(...probabilities))})`)
}
await classifier.release()
console.log(
  `\nwrote ${['adapter', 'classifier', 'accuracy.svg', 'loss.svg', 'accuracy.png', 'loss.png', 'log.jsonl'].filter((name) => existsSync(join(options.out, name))).join(', ')} to ${options.out}`,
)
if (options.json)
  console.log(
    summary(classes, tuned.history, tuned.best?.epoch, {
      ...(tuned.train ? { train: tuned.train } : {}),
      validation: tuned.validation,
      held_out: tuned.heldOut,
    }),
  )
