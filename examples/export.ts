// %% [markdown]
// # A PEFT adapter in another project
//
// An adapter that PEFT trained in Python, or this library, becomes a classifier for any ONNX Runtime and for
// transformers.js, in float32 or in fewer bits:
//
//     npm run export -- --model FOLDER|HUB_NAME --adapter FOLDER|HUB_NAME --out FOLDER --dtype int8

// %%
import { readdirSync } from 'node:fs'
import type { WeightType } from '@cola/graph'
import { merge } from '@cola/lora'
import { loadClassifier, writeClassifier } from '@cola/train'
import { openAdapted } from './support/adapted.ts'
import { percent } from './support/progress.ts'
import { commandLine, given, names, required } from './support/settings.ts'

// %% [markdown]
// ## Settings

// %%
const settings = commandLine({
  // Folder, or name on the hub: GPT-2's weights or an ONNX model.
  model: '',
  // The ONNX file in it; empty: the first of model.onnx, onnx/model.onnx, onnx/model_fp16.onnx.
  file: '',
  // Folder, or name on the hub, with adapter_config.json.
  adapter: '',
  out: '',
  // float32, float16, int8 or int4: of the weights that matrices are multiplied by.
  dtype: 'float32',
  // flat, or hub: where transformers.js looks for files.
  layout: 'flat',
  // Names of the classes, with commas; empty: what the adapter says.
  labels: '',
  // last, first or mean; empty: what the adapter says, else last for decoders, mean for encoders.
  pooling: '',
  // A text to classify by what was written.
  text: 'The girls in the garden laughs.',
})
required(settings, 'model', 'adapter', 'out')
const { out } = settings

// %% [markdown]
// ## Merging
//
// LoRA's product is added to each matrix (W + s B A), so that the model runs as fast as before it was adapted.

// %%
const { base, adapter, model } = await openAdapted(settings.model, settings.adapter, settings)
const architecture = String(base.config.architectures).replace(
  /(Model|For\w+|LMHeadModel)$/,
  'ForSequenceClassification',
)
writeClassifier({
  folder: out,
  graph: await base.padded(merge(model)),
  config: { ...base.config, architectures: [architecture] },
  tokenizerFolder: base.files,
  ...(adapter.head?.labels ? { labels: adapter.head.labels } : {}),
  dtype: settings.dtype as WeightType,
  layout: settings.layout as 'flat' | 'hub',
  ...given('labels', settings.labels, names),
})
console.log(`wrote ${readdirSync(out, { recursive: true }).join(', ')} to ${out}`)
// wrote config.json, onnx, tokenizer.json, tokenizer_config.json, onnx/model_quantized.onnx to out/small

// %% [markdown]
// ## At work
//
// `loadClassifier` runs the folder here. The projects in examples/consumers use it elsewhere: a Node service that
// switches adapters, and transformers.js.

// %%
const classifier = await loadClassifier(out)
const [answer] = await classifier.classify([settings.text])
console.log(`${settings.text}  ${answer?.label} (${percent(Math.max(...(answer?.probabilities ?? [])))})`)
await classifier.release()
