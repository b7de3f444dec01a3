// %% [markdown]
// # GPT-2 with LoRA on CoLA
//
// Tells acceptable sentences from others, with a small GPT-2 that comes with the repository and a generator of
// sentences; or with GPT-2 of any size on the Corpus of Linguistic Acceptability (Warstadt et al. 2019):
//
//     npm start
//     npm start -- --model openai-community/gpt2 --data cola_public|cola_public_1.1.zip|glue
//
// The adapter is LoRA of rank 4 (Hu et al. 2022) at GPT-2's attention and MLP matrices; layer norms and the head are
// trained in full. The same run from random weights shows what pre-training is worth.

// %%
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { argMax, majorityBaseline } from '@cola/data'
import {
  type BaseModelSource,
  consoleProgress,
  countParameters,
  fineTune,
  type FineTuneOptions,
  formatParameters,
  loadPretrained,
  randomGpt2,
} from '@cola/lora'
import { type Device, type Metrics, stopSignal } from '@cola/train'
import { drawCurve } from './support/curves.ts'
import { loadData } from './support/data.ts'
import { embeddedModel, outFolder } from './support/folders.ts'
import { confusionTable, decimal, percent, summary, table } from './support/progress.ts'
import { commandLine } from './support/settings.ts'

// %% [markdown]
// ## Settings
//
// Each can be given on the command line: `--rank 8`, `--json`.

// %%
const settings = commandLine({
  // Folder, or name on the hub, of GPT-2's weights.
  model: embeddedModel,
  // generator, glue, a folder of CoLA's public release, or its zip.
  data: 'generator',
  device: 'cpu',
  epochs: 10,
  batch: 128,
  // 0: 1e-3, which suits GPT-2; with the generator 2e-3, for a model a hundred times smaller.
  lr: 0,
  rank: 4,
  seed: 1,
  out: outFolder('lora-gpt2'),
  resume: false,
  // Print the scores as JSON, last.
  json: false,
})
const { seed, out } = settings
const embedded = settings.data === 'generator'

// %% [markdown]
// ## Sentences
//
// The generator writes minimal pairs: agreement, word order, reflexives and more. Training and validation share its
// templates; the held-out templates are of constructions that training does not see.

// %%
const classes = ['unacceptable', 'acceptable']
const data = await loadData(settings.data, seed)
const rowsOf = (rows: typeof data.train) => rows.map(({ text, label }) => ({ text, label: classes[label] as string }))
const [train, validation, heldOut] = [rowsOf(data.train), rowsOf(data.validation), rowsOf(data.heldOut.rows)]
console.log(
  `${data.name}: ${train.length} to train on, ${validation.length} to validate, ${heldOut.length} of ${data.heldOut.name}`,
)
// generated sentences: 4000 to train on, 600 to validate, 600 of held-out templates

// %% [markdown]
// ## Fine-tuning
//
// The best epoch by validation MCC is kept. A run that is stopped goes on with `--resume`.

// %%
const { signal } = stopSignal()
const run = (source: BaseModelSource, keep: Partial<FineTuneOptions> = {}) =>
  fineTune(source, {
    train,
    validation,
    labels: classes,
    lora: {
      r: settings.rank,
      lora_alpha: settings.rank,
      target_modules: ['c_attn', 'c_proj', 'c_fc'],
      modules_to_save: ['ln_1', 'ln_2', 'ln_f', 'score'],
      // GPT-2 keeps its matrices as [in, out]; PEFT asks for this to read the adapter.
      fan_in_fan_out: true,
    },
    epochs: settings.epochs,
    batch_size: settings.batch,
    learning_rate: settings.lr || (embedded ? 2e-3 : 1e-3),
    lr_scheduler_type: embedded ? 'linear' : 'constant',
    warmup: 0,
    weight_decay: 0,
    train_sampling_strategy: 'random',
    device: settings.device as Device,
    seed,
    signal,
    ...keep,
  })
const pretrained = await loadPretrained(settings.model)
const tuned = await run(pretrained, {
  output_dir: out,
  save_steps: 50,
  resume: settings.resume,
  callbacks: consoleProgress(),
})
if (tuned.training?.stopped === 'aborted') {
  console.log(`\nstopped; go on with --resume (checkpoint in ${out})`)
  process.exit(130)
}

// %%
const parameters = countParameters(await tuned.adapted())
console.log(`parameters: ${formatParameters(parameters)}; best epoch ${tuned.training?.best?.epoch}\n`)

// %% [markdown]
// ## The adapter, and a classifier for any ONNX Runtime
//
// `out/lora-gpt2/adapter` is a folder that PEFT's `PeftModel.from_pretrained` reads, and `loadFineTuned` here;
// `out/lora-gpt2/classifier` has the adapter merged into the model.

// %%
await tuned.save(join(out, 'adapter'))
await tuned.export(join(out, 'classifier'))

// %% [markdown]
// ## Scores, and those of the same run from random weights
//
// The second run is made where it is quick: with the embedded model.

// %%
const scored = { validation: await tuned.evaluate(validation), held_out: await tuned.evaluate(heldOut) }
const score = (name: string, { accuracy, mcc, f1 }: Metrics) => [name, percent(accuracy), decimal(mcc), decimal(f1)]
const majority = majorityBaseline(data.validation.map(({ label }) => label))
const scores = [
  score('majority class, validation', { accuracy: majority, mcc: 0, f1: 0 }),
  score('LoRA, validation', scored.validation.metrics),
  score(`LoRA, ${data.heldOut.name}`, scored.held_out.metrics),
]
if (embedded) {
  const random = await run({ ...pretrained, parameters: randomGpt2(pretrained.config, { seed }) })
  scores.push(
    score('from random weights, validation', (await random.evaluate(validation)).metrics),
    score(`from random weights, ${data.heldOut.name}`, (await random.evaluate(heldOut)).metrics),
  )
  await random.release()
}
table(['', 'accuracy', 'MCC', 'F1'], scores)
// LoRA, validation                          100.00%  1.000  1.000
// LoRA, held-out templates                   61.83%  0.241  0.650
// from random weights, validation            90.33%  0.807  0.902
// from random weights, held-out templates    60.17%  0.204  0.618
confusionTable(
  scored.validation.predictions.map(argMax),
  data.validation.map(({ label }) => label),
  classes,
)

// %% [markdown]
// ## The classifier at work

// %%
const pair = ['The girls in the garden laugh.', 'The girls in the garden laughs.']
for (const [i, { label, probabilities }] of (await tuned.classify(pair)).entries())
  console.log(`${(pair[i] as string).padEnd(34)} ${String(label)} (${percent(Math.max(...probabilities))})`)
// The girls in the garden laughs.    unacceptable (99.01%)

// %% [markdown]
// ## Curves

// %%
const { history = [], best } = tuned.training ?? {}
for (const quantity of ['accuracy', 'loss'] as const)
  drawCurve(out, quantity, history, { title: 'GPT-2 with LoRA', majority })
const files = ['adapter', 'classifier', 'accuracy.svg', 'loss.svg', 'accuracy.png', 'loss.png', 'log.jsonl']
console.log(`\nwrote ${files.filter((name) => existsSync(join(out, name))).join(', ')} to ${out}`)
if (settings.json)
  console.log(summary(classes, history, best?.epoch, { train: await tuned.evaluate(train), ...scored }))
await tuned.release()
