// An adapter merged into its base model, as a classifier for any ONNX Runtime and for transformers.js, in float32 or
// fewer bits.
// npm run export -- --model FOLDER|HUB_NAME --adapter FOLDER|HUB_NAME --out FOLDER [--dtype float32|float16|int8|int4]
// [--layout flat|hub]
//   [--labels unacceptable,acceptable] [--pooling last|first|mean]: what the adapter says, where it was written here

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  exportClassifier,
  exportMerged,
  loadAdapter,
  loadPretrained,
  merge,
  openAdapter,
  type Pooling,
} from '@cola/lora'
import type { WeightType } from '@cola/graph'
import { openWithHead } from './support/onnx.ts'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    adapter: { type: 'string' },
    out: { type: 'string' },
    dtype: { type: 'string', default: 'float32' },
    layout: { type: 'string', default: 'flat' },
    labels: { type: 'string' },
    pooling: { type: 'string' },
  },
})
const { model: name, adapter: adapterName, out } = options
if (!name || !adapterName || !out) {
  console.error(
    'usage: npm run export -- --model FOLDER|HUB_NAME --adapter FOLDER|HUB_NAME --out FOLDER [--dtype float32|float16|int8|int4] [--layout flat|hub]',
  )
  process.exit(2)
}

// ## The adapter, and what every export says
const adapter = await openAdapter(adapterName)
const labels = options.labels?.split(',') ?? [...(adapter.head?.labels ?? ['unacceptable', 'acceptable'])]
const target = { folder: out, labels, dtype: options.dtype as WeightType, layout: options.layout as 'flat' | 'hub' }

// ## Its base: GPT-2 from a checkpoint, or any model as ONNX
const isCheckpoint = existsSync(name)
  ? existsSync(join(name, 'model.safetensors')) && !existsSync(join(name, 'model.onnx'))
  : /gpt2/.test(name)
if (isCheckpoint) {
  const base = await loadPretrained(name, { num_labels: labels.length })
  exportClassifier(merge(loadAdapter(base.model, adapter)), {
    ...target,
    config: base.config,
    tokenizerFolder: base.folder,
  })
} else {
  const pooling = (options.pooling as Pooling | undefined) ?? adapter.head?.pooling
  const base = await openWithHead(name, { num_labels: labels.length, pooling, labels })
  exportMerged(loadAdapter(base.model, adapter), { ...target, config: base.config, tokenizerFolder: base.folder })
}
console.log(`wrote ${readdirSync(out, { recursive: true }).join(', ')} to ${out}`)
