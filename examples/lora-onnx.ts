// %% [markdown]
// # Any pretrained ONNX model on a table of texts
//
// Fine-tunes an encoder such as MiniLM, or a decoder such as SmolLM2, to sort texts into the classes of a table:
//
//     npm run lora-onnx -- --model FOLDER|HUB_NAME --data FILE.csv|FILE.tsv|FILE.jsonl|FILE.json|COLA_FOLDER
//
// `fineTune` opens the model, puts a classification head and a LoRA adapter on it, trains, and keeps the best epoch.
// What comes back classifies at once; the adapter is written as PEFT has it, the merged model for any ONNX Runtime.

// %%
import { basename, join } from 'node:path'
import { argMax, majorityBaseline, type Quoting } from '@cola/data'
import { consoleProgress, countParameters, fineTune, formatParameters, inspect, type Pooling } from '@cola/lora'
import { type Device, type FrozenProducts, type Metrics, stopSignal } from '@cola/train'
import { drawCurve } from './support/curves.ts'
import { loadTable } from './support/data.ts'
import { outFolder } from './support/folders.ts'
import { confusionTable, decimal, percent, summary, table } from './support/progress.ts'
import { commandLine, given, names, required } from './support/settings.ts'

// %% [markdown]
// ## Settings
//
// Each can be given on the command line: `--rank 4`, `--train-too LayerNorm`, `--json`.

// %%
const settings = commandLine({
  // Folder, or name on the hub, with config.json, tokenizer.json and an ONNX file.
  model: '',
  // The ONNX file in it; empty: the first of model.onnx, onnx/model.onnx, onnx/model_fp16.onnx.
  file: '',
  // A table, or a folder of CoLA's public release.
  data: '',
  // Columns of the table, and how it is written.
  text: 'text',
  label: 'label',
  encoding: '',
  quoting: '',
  delimiter: '',
  // Put the start token before each text, or the token that is named.
  addBos: false,
  bosToken: '',
  // Where a text is read: last, first or mean; empty: last for decoders, mean for encoders.
  pooling: '',
  // Layers that get LoRA: all-linear, or the ends of their names, with commas.
  targets: 'all-linear',
  // An adapter to go on from, in place of a new one of this rank, alpha and dropout.
  adapter: '',
  rank: 8,
  alpha: 16,
  dropout: 0,
  // Modules that are trained in full, with commas: LayerNorm, say.
  trainToo: '',
  epochs: 4,
  batch: 16,
  lr: 1e-3,
  labelSmoothing: 0,
  // int8 multiplies frozen matrices in eight bits while training: faster on cpu; float16 halves their memory on a GPU.
  frozenProducts: 'float32',
  // 4 or 8 quantizes the frozen linear layers when the model is opened (QLoRA); 0 leaves them as the file has them.
  bits: 0,
  // Compute activations again for the backward pass: a fraction of their memory, more time.
  checkpointing: false,
  // Metric of the best epoch; empty: mcc, or the loss where there are fewer than 200 validation rows.
  best: '',
  device: 'cpu',
  seed: 1,
  out: outFolder('lora-onnx'),
  resume: false,
  // Print the scores as JSON, last.
  json: false,
})
required(settings, 'model', 'data')
const { seed, out } = settings

// %% [markdown]
// ## The table
//
// A tenth of the rows is kept to choose the best epoch by, another tenth is scored once, at the end; each class has its
// share of both.

// %%
const data = await loadTable(settings.data, {
  text: settings.text,
  label: settings.label,
  ...given('encoding', settings.encoding, String),
  ...given('quoting', settings.quoting, (value) => value as Quoting),
  ...given('delimiter', settings.delimiter, String),
  onWarning: (message) => console.log(`warning: ${message}`),
  seed,
})
const rowsOf = (rows: typeof data.train) =>
  rows.map(({ text, label }) => ({ text, label: data.classes[label] as string }))
const [train, validation, heldOut] = [rowsOf(data.train), rowsOf(data.validation), rowsOf(data.heldOut.rows)]
console.log(
  `${data.name}: ${train.length} to train on, ${validation.length} to validate, classes ${data.classes.join(', ')}`,
)
// intents.csv: 144 to train on, 18 to validate, classes hours, refund, track

// %% [markdown]
// ## Fine-tuning
//
// LoRA (Hu et al. 2022) at every linear layer trains one or two percent of the model's parameters. A run that is stopped goes on
// with `--resume`.

// %%
const started = performance.now()
const tuned = await fineTune(settings.model, {
  train,
  validation,
  labels: data.classes,
  ...(settings.adapter
    ? { adapter: settings.adapter }
    : {
        lora: {
          r: settings.rank,
          lora_alpha: settings.alpha,
          lora_dropout: settings.dropout,
          target_modules: settings.targets === 'all-linear' ? 'all-linear' : names(settings.targets),
          ...given('modules_to_save', settings.trainToo, names),
        },
      }),
  ...given('pooling', settings.pooling, (value) => value as Pooling),
  ...given('metric_for_best_model', settings.best, String),
  epochs: settings.epochs,
  batch_size: settings.batch,
  learning_rate: settings.lr,
  label_smoothing: settings.labelSmoothing,
  frozenProducts: settings.frozenProducts as FrozenProducts,
  gradient_checkpointing: settings.checkpointing,
  device: settings.device as Device,
  seed,
  output_dir: out,
  save_steps: 200,
  resume: settings.resume,
  signal: stopSignal().signal,
  callbacks: consoleProgress(),
  open: {
    ...given('file', settings.file, String),
    ...given('bos_token', settings.bosToken, String),
    ...(settings.addBos || settings.bosToken ? { add_bos_token: true } : {}),
  },
  ...(settings.bits === 0 ? {} : { quantization: { bits: settings.bits as 4 | 8 } }),
})
console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`)
if (tuned.training?.stopped === 'aborted') process.exit(130)
// epoch 4  train loss 0.0148  eval loss 0.0143  accuracy 1.0000  mcc 1.0000  f1_macro 1.0000  ...  *

// %%
const adapted = await tuned.adapted()
const linear = inspect({ graph: adapted.base }).filter(({ kind }) => kind === 'linear')
console.log(
  `read at the ${tuned.settings.pooling} token; ${adapted.targets.length} of ${linear.length} linear layers adapted`,
)
console.log(`parameters: ${formatParameters(countParameters(adapted))}\n`)
// read at the mean token; 36 of 37 linear layers adapted
// parameters: total 22.90M | trainable 0.33M | reduction 98.55%

// %% [markdown]
// ## The adapter, and a classifier for any ONNX Runtime
//
// `out/adapter` is a folder that PEFT's `PeftModel.from_pretrained` reads, and `loadFineTuned` here; `out/classifier`
// has the adapter merged into the model.

// %%
await tuned.save(join(out, 'adapter'))
await tuned.export(join(out, 'classifier'))

// %% [markdown]
// ## Scores

// %%
const scored = { validation: await tuned.evaluate(validation), held_out: await tuned.evaluate(heldOut) }
const score = (name: string, rows: typeof train, { accuracy, mcc, f1_macro }: Metrics) => [
  name,
  percent(majorityBaseline(rows.map(({ label }) => data.classes.indexOf(label)))),
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
  scored.validation.predictions.map(argMax),
  data.validation.map(({ label }) => label),
  data.classes,
)

// %% [markdown]
// ## The classifier at work

// %%
const texts = validation.slice(0, 2).map(({ text }) => text)
for (const [i, { label, probabilities }] of (await tuned.classify(texts)).entries())
  console.log(`${String(label).padEnd(14)} ${percent(Math.max(...probabilities))}  ${texts[i]}`)
// hours          98.91%  until when can I come by on bank holidays

// %% [markdown]
// ## Curves

// %%
const majority = majorityBaseline(data.validation.map(({ label }) => label))
for (const quantity of ['accuracy', 'loss'] as const)
  drawCurve(out, quantity, tuned.training?.history ?? [], { title: `${basename(settings.model)} with LoRA`, majority })
console.log(`\nwrote adapter, classifier, figures and log to ${out}`)
if (settings.json) {
  const { history = [], best } = tuned.training ?? {}
  console.log(summary(data.classes, history, best?.epoch, { train: await tuned.evaluate(train), ...scored }))
}
await tuned.release()
