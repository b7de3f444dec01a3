// Export of a classifier and the typed wrapper around it: classify(texts) -> labels and probabilities.

import { readTokenizer, type Tokenizer } from '@cola/data'
import { type Graph, lower, type Model, prune, readModel } from '@cola/graph'
import { type Device, fileSystem, openSession, OrtTensor, type OrtSession, paths, readFile, resolveDevice, writeFileAtomic, writeModels } from '@cola/train'
import { ConfigError } from '../errors.ts'
import type { Gpt2Config } from '../gpt2/config.ts'
import { withPaddedInputs } from '../gpt2/graph.ts'

export interface Classification {
  label: string
  /** Index of the label. */
  index: number
  /** Of every class, in order; they sum to 1. */
  probabilities: number[]
}

export interface Classifier {
  /** Classifies texts, in batches. @throws {FeedError} for a text without tokens. */
  classify: (texts: readonly string[]) => Promise<Classification[]>
  release: () => Promise<void>
}

export interface ExportOptions {
  folder: string
  config: Gpt2Config
  /** Folder whose tokenizer files are copied. */
  tokenizerFolder: string
  /** Names of the classes. @default LABEL_0, LABEL_1, ... */
  labels?: readonly string[]
}

/**
 * Writes a classifier that any ONNX Runtime loads: model.onnx (int64 `input_ids`, `attention_mask` [batch, sequence] to `logits`)
 * with its weights beside it, config.json and the tokenizer.
 * @param model A model without an adapter: merge() it first.
 * @throws {FileError} when the folder cannot be written.
 */
export function exportClassifier(model: Model, { folder, config, tokenizerFolder, labels }: ExportOptions): void {
  const { join } = paths()
  const graph: Graph = lower(withPaddedInputs(model))
  prune(graph)
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    if (fileSystem().existsSync(join(tokenizerFolder, name))) writeFileAtomic(join(folder, name), readFile(join(tokenizerFolder, name)))
  }
  writeModels(folder, { model: graph }, 'model.onnx_data')
  const names = labels ?? Object.values(config.id2label ?? { 0: 'LABEL_0', 1: 'LABEL_1' })
  const id2label = Object.fromEntries(names.map((name, i) => [i, name]))
  writeFileAtomic(
    join(folder, 'config.json'),
    `${JSON.stringify({ ...config, architectures: ['GPT2ForSequenceClassification'], id2label, label2id: Object.fromEntries(names.map((name, i) => [name, i])), num_labels: undefined }, null, 2)}\n`,
  )
}

/**
 * Loads an exported classifier.
 * @throws {FileError | ConfigError | DeviceError}
 */
export async function loadClassifier(folder: string, { device = 'cpu', batch_size = 32 }: { device?: Device; batch_size?: number } = {}): Promise<Classifier> {
  const { join } = paths()
  const config = JSON.parse(new TextDecoder().decode(readFile(join(folder, 'config.json')))) as { id2label?: Record<string, string>; n_positions: number }
  if (!config.id2label) throw new ConfigError({ where: join(folder, 'config.json'), what: 'no labels', expected: 'id2label' })
  const path = join(folder, 'model.onnx')
  const externalData = { size: (location: string) => fileSystem().statSync(join(folder, location)).size, read: () => new Uint8Array() }
  const graph = readModel(readFile(path), { where: path, externalData })
  const session = await openSession({ graph, path }, await resolveDevice(device, graph))
  const tokenizer = await readTokenizer(folder)
  const names = Object.values(config.id2label)
  return {
    classify: async (texts) => {
      const results: Classification[] = []
      for (let at = 0; at < texts.length; at += batch_size)
        results.push(...(await classifyBatch(session, tokenizer, names, config.n_positions, texts.slice(at, at + batch_size))))
      return results
    },
    release: () => session.release(),
  }
}

async function classifyBatch(
  session: OrtSession,
  tokenizer: Tokenizer,
  names: readonly string[],
  longest: number,
  texts: readonly string[],
): Promise<Classification[]> {
  const rows = texts.map((text) => tokenizer.encode(text).slice(0, longest))
  const columns = Math.max(1, ...rows.map((row) => row.length))
  const [ids, mask] = [new BigInt64Array(rows.length * columns), new BigInt64Array(rows.length * columns)]
  rows.forEach((row, i) => {
    row.forEach((id, j) => {
      ids[i * columns + j] = BigInt(id)
      mask[i * columns + j] = 1n
    })
  })
  const dims = [rows.length, columns]
  const { logits } = await session.run({ input_ids: new OrtTensor('int64', ids, dims), attention_mask: new OrtTensor('int64', mask, dims) })
  const data = (logits as OrtTensor).data as Float32Array
  return rows.map((_, i) => describe(Array.from(data.subarray(i * names.length, (i + 1) * names.length)), names))
}

function describe(logits: readonly number[], names: readonly string[]): Classification {
  const greatest = Math.max(...logits)
  const weights = logits.map((logit) => Math.exp(logit - greatest))
  const total = weights.reduce((a, b) => a + b)
  const index = logits.indexOf(greatest)
  return { label: names[index] as string, index, probabilities: weights.map((weight) => weight / total) }
}
