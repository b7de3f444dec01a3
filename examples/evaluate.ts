// Scores a pretrained ONNX model with a PEFT adapter, or an exported classifier, on a split of CoLA.
// npm run evaluate -- --model FOLDER|HUB_NAME [--adapter FOLDER] --data FOLDER [--split in_domain_dev] [--pooling
// last|first|mean] [--logits FILE] [--batch 64] [--device cpu] [--json]

import { parseArgs } from 'node:util'
import { argMaxRows, classificationMetrics, type ColaSplit, encodeRows, readColaFolder } from '@cola/data'
import { crossEntropyLoss } from '@cola/distill'
import { toFloat32 } from '@cola/graph'
import { loadAdapter, type Pooling, readAdapter } from '@cola/lora'
import {
  type Device,
  feedsOf,
  loadClassifier,
  openSession,
  type OrtTensor,
  readSafetensorsFile,
  resolveDevice,
} from '@cola/train'
import { byLength, openWithHead } from './support/onnx.ts'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    file: { type: 'string' },
    adapter: { type: 'string' },
    data: { type: 'string' },
    split: { type: 'string', default: 'in_domain_dev' },
    pooling: { type: 'string' },
    logits: { type: 'string' },
    batch: { type: 'string', default: '64' },
    device: { type: 'string', default: 'cpu' },
    json: { type: 'boolean', default: false },
  },
})
if (!options.model || !options.data) {
  console.error(
    'usage: npm run evaluate -- --model FOLDER|NAME [--adapter FOLDER] --data FOLDER [--split in_domain_dev] [--logits FILE] [--json]',
  )
  process.exit(2)
}
const started = performance.now()
const data = (await readColaFolder(options.data))[options.split as ColaSplit]
const labels = data.map(({ label }) => label)
const device = options.device as Device

/** Logits of a base model with an adapter and its head, in the order of the rows. */
async function withAdapter(name: string, folder: string): Promise<Float32Array> {
  const adapter = readAdapter(folder)
  const head = [...adapter.tensors].find(([tensor]) => /\.(score|classifier)\.weight$/.test(tensor))?.[1]
  const pooling = (options.pooling as Pooling | undefined) ?? adapter.head?.pooling
  const base = await openWithHead(name, { num_labels: head?.dims[0] ?? 2, pooling, file: options.file })
  const { graph } = loadAdapter(base.model, adapter)
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  const { rows, truncated } = encodeRows(base.tokenizer, data, base.limits)
  if (truncated > 0) console.error(`${truncated} rows were cut to ${base.limits.max_length} tokens`)
  const places = rows.map((row, place) => ({ ...row, place }))
  let logits = new Float32Array()
  for (const batch of byLength(places, Number(options.batch))) {
    const { feeds } = feedsOf(graph, graph.inputs, base.collate(batch))
    const { logits: own } = await session.run(feeds)
    const { data: values, dims } = own as OrtTensor
    const classes = dims[1] as number
    if (logits.length === 0) logits = new Float32Array(classes * rows.length)
    batch.forEach(({ place }, i) => {
      logits.set((values as Float32Array).subarray(classes * i, classes * (i + 1)), classes * place)
    })
  }
  await session.release()
  return logits
}

async function ofClassifier(folder: string): Promise<Float32Array> {
  const classifier = await loadClassifier(folder, {
    device,
    batch_size: Number(options.batch),
    onWarning: ({ message }) => console.error(message),
  })
  const logits = await classifier.logits(data.map(({ text }) => text))
  await classifier.release()
  return logits
}

const logits = options.adapter ? await withAdapter(options.model, options.adapter) : await ofClassifier(options.model)
const predictions = argMaxRows(logits, labels.length)
const { accuracy, mcc } = classificationMetrics(predictions, labels)
const expected = options.logits ? readSafetensorsFile(options.logits).tensors.get(options.split) : undefined
const wanted = expected && toFloat32(expected)
const result = {
  accuracy,
  mcc,
  loss: crossEntropyLoss(logits, labels).loss,
  rows: labels.length,
  seconds: (performance.now() - started) / 1000,
  ...(wanted
    ? {
        max_logits_error: wanted.reduce(
          (worst, value, i) => Math.max(worst, Math.abs(value - (logits[i] as number))),
          0,
        ),
      }
    : {}),
}
if (options.json) console.log(JSON.stringify(result))
else
  for (const [name, value] of Object.entries(result)) console.log(`${name.padEnd(18)} ${Number(value.toPrecision(6))}`)
