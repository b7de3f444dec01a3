// %% [markdown]
// # An adapter that PEFT trained, scored
//
// A pretrained model with an adapter from Python, or an exported classifier, on a split of CoLA:
//
//     npm run evaluate -- --model FOLDER|HUB_NAME --adapter FOLDER|HUB_NAME --data COLA_FOLDER
//     npm run evaluate -- --model CLASSIFIER_FOLDER --data COLA_FOLDER
//
// With a file of the logits that PyTorch computed, the greatest difference is printed too.

// %%
import { argMax, classificationMetrics, classLabels, type ColaSplit, encodeRows, readColaFolder } from '@cola/data'
import { crossEntropyLoss } from '@cola/distill'
import { toFloat32 } from '@cola/graph'
import {
  crossEntropy,
  type Device,
  evaluateRows,
  loadClassifier,
  openEvaluation,
  readSafetensorsFile,
} from '@cola/train'
import { openAdapted } from './support/adapted.ts'
import { commandLine, required } from './support/settings.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub: GPT-2's weights or an ONNX model. Without an adapter, a classifier's folder.
  model: '',
  // The ONNX file in it; empty: the first of model.onnx, onnx/model.onnx, onnx/model_fp16.onnx.
  file: '',
  // Folder, or name on the hub, with adapter_config.json.
  adapter: '',
  // Folder of CoLA's public release, and which split of it.
  data: '',
  split: 'in_domain_dev',
  // last, first or mean; empty: what the adapter says, else last for decoders, mean for encoders.
  pooling: '',
  // 4 or 8 quantizes the base's linear layers; 0 leaves them as the file has them.
  bits: 0,
  // A safetensors file with a tensor of logits under the split's name, to compare with.
  logits: '',
  batch: 64,
  device: 'cpu',
  json: false,
})
required(settings, 'model', 'data')
const device = settings.device as Device
const started = performance.now()
const rows = (await readColaFolder(settings.data))[settings.split as ColaSplit]
const labels = rows.map(({ label }) => label)

// %% [markdown]
// ## Logits, one row a sentence
//
// PEFT saves an adapter without its base: `openBase` opens that, `loadAdapter` puts the adapter on it. Sentences of like
// length share a batch.

// %%
async function withAdapter(): Promise<number[][]> {
  const { base, model } = await openAdapted(settings.model, settings.adapter, settings)
  const { rows: encoded, truncated } = encodeRows(base.tokenizer, rows, {
    max_length: base.max_length,
    vocab_size: base.vocab_size,
  })
  if (truncated > 0) console.error(`${truncated} rows were cut to ${base.max_length} tokens`)
  const session = await openEvaluation(model, { loss: crossEntropy(), device })
  const batches = base.batches(model.graph)
  const { predictions } = await evaluateRows(session, encoded, {
    collate: (batch) => ({ ...batches(batch).batch, labels: classLabels(batch.map(({ label }) => label)) }),
    predict: ({ logits }, batch) => rowsOf(logits?.data ?? [], batch.length),
    tokens: ({ input_ids }) => input_ids.length,
    batch_size: settings.batch,
  })
  await session.release()
  return predictions
}

async function ofClassifier(): Promise<number[][]> {
  const classifier = await loadClassifier(settings.model, {
    device,
    batch_size: settings.batch,
    onWarning: ({ message }) => console.error(message),
  })
  const logits = await classifier.logits(rows.map(({ text }) => text))
  await classifier.release()
  return rowsOf(logits, rows.length)
}

/** A flat array as rows. */
function rowsOf(values: ArrayLike<number>, count: number): number[][] {
  const width = values.length / count
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: width }, (_, k) => values[width * i + k] as number),
  )
}

const logits = settings.adapter ? await withAdapter() : await ofClassifier()

// %% [markdown]
// ## Scores
//
// SmolLM2-135M with an adapter that PEFT trained on CoLA: accuracy 0.785579, mcc 0.476, max_logits_error 2e-5.

// %%
const { accuracy, mcc } = classificationMetrics(logits.map(argMax), labels)
const expected = settings.logits ? readSafetensorsFile(settings.logits).tensors.get(settings.split) : undefined
const errors = expected && Array.from(toFloat32(expected), (value, i) => Math.abs(value - (logits.flat()[i] as number)))
const result = {
  accuracy,
  mcc,
  loss: crossEntropyLoss(logits.flat(), labels).loss,
  rows: labels.length,
  seconds: (performance.now() - started) / 1000,
  ...(errors ? { max_logits_error: errors.reduce((a, b) => Math.max(a, b)) } : {}),
}
if (settings.json) console.log(JSON.stringify(result))
else
  for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(18)} ${Number(value.toPrecision(6))}`)
