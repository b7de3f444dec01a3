// A classifier in a folder: the model, its tokenizer, the names of its classes; and the typed wrapper around it: classify(texts) -> labels and probabilities.

import { readTokenizer, type Tokenizer } from '@cola/data'
import { type DataType, getValue, type Graph, lower, prune, readModel, storeWeights, type WeightType, writeModel } from '@cola/graph'
import { ConfigError, FeedError } from '../errors.ts'
import { fileSystem, paths, readFile, sha256, writeFileAtomic } from '../files/node.ts'
import { type Device, externalDataOf, openSession, resolveDevice, writeModels } from '../runtime/device.ts'
import { OrtTensor, type OrtSession, type OrtTensors } from '../runtime/ort.ts'

export interface Classification {
  label: string
  /** Index of the label. */
  index: number
  /** Of every class, in order; they sum to 1. */
  probabilities: number[]
}

export interface Classifier {
  /** Names of the classes. */
  readonly labels: readonly string[]
  /** SHA-256 of the model, its weights and its tokenizer: changes whenever an answer may. */
  readonly fingerprint: () => string
  /** Classifies texts, in batches. @throws {FeedError} for a text without tokens. */
  readonly classify: (texts: readonly string[]) => Promise<Classification[]>
  /** Logits [texts, classes] of texts, row by row. @throws {FeedError} for a text without tokens. */
  readonly logits: (texts: readonly string[]) => Promise<Float32Array>
  readonly release: () => Promise<void>
}

export interface ClassifierExport {
  folder: string
  /** Takes int64 `input_ids` and `attention_mask` [batch, sequence], gives `logits` [batch, classes]. */
  graph: Graph
  /** Written to config.json, with the labels added. */
  config: Readonly<Record<string, unknown>>
  /** Folder whose tokenizer files are copied. */
  tokenizerFolder: string
  labels: readonly string[]
  /** How matrices are kept; computation is in float32. @default 'float32' */
  dtype?: WeightType
  /**
   * `flat`: model.onnx with its weights in model.onnx_data beside it. `hub`: onnx/model.onnx in one file, or model_fp16.onnx or model_quantized.onnx,
   * where transformers.js looks for it. @default 'flat'
   */
  layout?: 'flat' | 'hub'
}

/** Names that transformers.js knows a model's files by. */
const hubFiles: Readonly<Record<WeightType, string>> = { float32: 'model.onnx', float16: 'model_fp16.onnx', int8: 'model_quantized.onnx' }

/**
 * Writes a classifier that any ONNX Runtime loads: model.onnx with its weights beside it, config.json and the tokenizer.
 * @throws {FileError} when the folder cannot be written.
 */
export function writeClassifier({ folder, graph, config, tokenizerFolder, labels, dtype = 'float32', layout = 'flat' }: ClassifierExport): void {
  const { join } = paths()
  const model = storeWeights(lower(graph), dtype)
  prune(model)
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    if (fileSystem().existsSync(join(tokenizerFolder, name))) writeFileAtomic(join(folder, name), readFile(join(tokenizerFolder, name)))
  }
  if (layout === 'hub') writeFileAtomic(join(folder, 'onnx', hubFiles[dtype]), writeModel(model))
  else writeModels(folder, { model }, 'model.onnx_data')
  const id2label = Object.fromEntries(labels.map((name, i) => [i, name]))
  const label2id = Object.fromEntries(labels.map((name, i) => [name, i]))
  writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify({ ...config, id2label, label2id, num_labels: undefined }, null, 2)}\n`)
}

/**
 * Loads a classifier's folder. Sentences are cut to the model's `n_positions` or `max_position_embeddings`, where config.json names one.
 * @throws {FileError | ConfigError | DeviceError}
 */
export async function loadClassifier(folder: string, { device = 'cpu', batch_size = 32 }: { device?: Device; batch_size?: number } = {}): Promise<Classifier> {
  const { join } = paths()
  const config = JSON.parse(new TextDecoder().decode(readFile(join(folder, 'config.json')))) as ClassifierConfig
  if (!config.id2label) throw new ConfigError({ where: join(folder, 'config.json'), what: 'no labels', expected: 'id2label' })
  const files = ['model.onnx', ...Object.values(hubFiles).map((name) => join('onnx', name))]
  const path = join(folder, files.find((name) => fileSystem().existsSync(join(folder, name))) ?? 'model.onnx')
  const graph = readModel(readFile(path), { where: path, externalData: externalDataOf(paths().dirname(path)) })
  const session = await openSession({ graph, path }, await resolveDevice(device, graph))
  const tokenizer = await readTokenizer(folder)
  const labels = Object.values(config.id2label)
  const longest = config.n_positions ?? config.max_position_embeddings ?? Number.POSITIVE_INFINITY
  const logits = async (texts: readonly string[]): Promise<Float32Array> => {
    const all = new Float32Array(texts.length * labels.length)
    for (let at = 0; at < texts.length; at += batch_size)
      all.set(await logitsOf(session, graph, tokenizer, longest, texts.slice(at, at + batch_size)), at * labels.length)
    return all
  }
  return {
    labels,
    fingerprint: () =>
      sha256(
        [...files, 'model.onnx_data', 'tokenizer.json']
          .map((name) => join(folder, name))
          .filter((file) => fileSystem().existsSync(file))
          .map(readFile),
      ),
    logits,
    classify: async (texts) => {
      const values = await logits(texts)
      return texts.map((_, i) => describe(Array.from(values.subarray(i * labels.length, (i + 1) * labels.length)), labels))
    },
    release: () => session.release(),
  }
}

interface ClassifierConfig {
  id2label?: Record<string, string>
  n_positions?: number
  max_position_embeddings?: number
}

async function logitsOf(session: OrtSession, graph: Graph, tokenizer: Tokenizer, longest: number, texts: readonly string[]): Promise<Float32Array> {
  const rows = texts.map((text) => tokenizer.encode(text).slice(0, longest))
  const empty = rows.findIndex((row) => row.length === 0)
  if (empty >= 0) throw new FeedError({ where: `text ${empty + 1}, ${JSON.stringify((texts[empty] as string).slice(0, 40))}`, what: 'a text without tokens' })
  const columns = Math.max(...rows.map((row) => row.length))
  const grid = (value: (id: number) => number): number[] =>
    rows.flatMap((row) => Array.from({ length: columns }, (_, j) => (j < row.length ? value(row[j] as number) : 0)))
  const all: Record<string, number[]> = { input_ids: grid((id) => id), attention_mask: grid(() => 1), token_type_ids: grid(() => 0) }
  const feeds: OrtTensors = Object.fromEntries(
    graph.inputs.map((name) => [name, integers(getValue(graph, name).dtype, all[name] ?? [], [rows.length, columns])]),
  )
  const { logits } = await session.run(feeds)
  return (logits as OrtTensor).data as Float32Array
}

const integers = (dtype: DataType, values: readonly number[], dims: readonly number[]): OrtTensor =>
  dtype === 'int32' ? new OrtTensor('int32', Int32Array.from(values), dims) : new OrtTensor('int64', BigInt64Array.from(values, BigInt), dims)

function describe(logits: readonly number[], names: readonly string[]): Classification {
  const greatest = Math.max(...logits)
  const weights = logits.map((logit) => Math.exp(logit - greatest))
  const total = weights.reduce((a, b) => a + b)
  const index = logits.indexOf(greatest)
  return { label: names[index] as string, index, probabilities: weights.map((weight) => weight / total) }
}
