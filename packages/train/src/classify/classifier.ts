// A classifier in a folder: the model, its tokenizer, the names of its classes; and the typed wrapper around it: classify(texts) -> labels and probabilities.

import { encodeTexts, firstPosition, longestInput, type ModelConfig, padTokenId, readTokenizer, type TextInput } from '@cola/data'
import { checkTypes, externalLocations, getValue, type Graph, lower, prune, readModel, storeWeights, type WeightType, widen, writeModel } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { fileSystem, paths, readFile, readJson, sha256, writeFileAtomic } from '../files/node.ts'
import { type Device, externalDataOf, openSession, resolveDevice, type RunnableModel, writeModels } from '../runtime/device.ts'
import type { OrtTensor } from '../runtime/ort.ts'
import { feedsOf, float32Of } from '../session/feeds.ts'
import { paddedBatches } from '../session/padded.ts'
import { vocabularySize } from '../session/token-ids.ts'

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
  /** SHA-256 of the model, its weights, its configuration and its tokenizer: changes whenever an answer may. */
  readonly fingerprint: () => string
  /** Longest text in tokens, special tokens included; longer ones are cut. Infinity where the model has no limit. */
  readonly max_length: number
  /** Classifies texts or pairs of texts, in batches. @throws {DataError} for a text without tokens, or with one that the model has not. */
  readonly classify: (texts: readonly (string | TextInput)[]) => Promise<Classification[]>
  /** Logits [texts, classes] of texts or pairs of texts, row by row. @throws {DataError} as `classify`. */
  readonly logits: (texts: readonly (string | TextInput)[]) => Promise<Float32Array>
  readonly release: () => Promise<void>
}

export interface ClassifierExport {
  folder: string
  /** Takes int64 `input_ids` and `attention_mask` [batch, sequence], gives `logits` [batch, classes]. One in float16, bfloat16 or float64 is written as float32. */
  graph: Graph
  /** Written to config.json, with the labels added. */
  config: Readonly<Record<string, unknown>>
  /** Folder whose tokenizer files are copied. */
  tokenizerFolder: string
  /** Names of the classes. @default those of the configuration's id2label, else LABEL_0, LABEL_1, ... */
  labels?: readonly string[]
  /** How matrices are kept; computation is in float32. @default 'float32' */
  dtype?: WeightType
  /**
   * `flat`: model.onnx with its weights in model.onnx_data beside it. `hub`: onnx/model.onnx in one file, or model_fp16.onnx, model_quantized.onnx or model_q4.onnx,
   * where transformers.js looks for it. @default 'flat'
   */
  layout?: 'flat' | 'hub'
}

/** Names that transformers.js knows a model's files by. */
const hubFiles: Readonly<Record<WeightType, string>> = {
  float32: 'model.onnx',
  float16: 'model_fp16.onnx',
  int8: 'model_quantized.onnx',
  int4: 'model_q4.onnx',
}

/**
 * Writes a classifier that any ONNX Runtime loads: model.onnx with its weights beside it, config.json and the tokenizer.
 * @throws {ConfigError} for an unknown dtype; {GraphError | ShapeError} for a graph whose element types do not go together, before anything is written;
 * {FileError} when the folder cannot be written.
 */
export function writeClassifier({ folder, graph, config, tokenizerFolder, dtype = 'float32', layout = 'flat', ...rest }: ClassifierExport): void {
  if (!Object.hasOwn(hubFiles, dtype))
    throw new ConfigError({ where: 'writeClassifier, option dtype', what: 'not known', expected: Object.keys(hubFiles).join(', '), found: String(dtype) })
  const { join } = paths()
  const labels = rest.labels ?? defaultLabels(graph, config)
  const model = storeWeights(lower(widen(graph)), dtype)
  prune(model)
  checkTypes(model)
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    if (fileSystem().existsSync(join(tokenizerFolder, name))) writeFileAtomic(join(folder, name), readFile(join(tokenizerFolder, name)))
  }
  if (layout === 'hub') writeFileAtomic(join(folder, 'onnx', hubFiles[dtype]), writeModel(model))
  else writeModels(folder, { model }, 'model.onnx_data')
  const id2label = Object.fromEntries(labels.map((name, i) => [i, name]))
  const label2id = Object.fromEntries(labels.map((name, i) => [name, i]))
  writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify({ ...config, id2label, label2id, num_labels: undefined }, null, 2)}\n`)
}

function defaultLabels(graph: Graph, { id2label }: ClassifierConfig): string[] {
  if (id2label) return Object.values(id2label)
  const classes = Number(getValue(graph, graph.outputs[0] as string).shape.at(-1))
  return Array.from({ length: classes }, (_, i) => `LABEL_${i}`)
}

export interface ClassifierOptions {
  /** @default 'cpu' */
  device?: Device
  /** Texts that are run together. @default 32 */
  batch_size?: number
  /** Called when texts were cut, with how many. @default none */
  onWarning?: (warning: { message: string }) => void
}

/**
 * Loads a classifier's folder. Texts are cut to the longest input of config.json and the tokenizer (`longestInput`); special tokens stay.
 * @throws {FileError | ConfigError | DeviceError}
 */
export async function loadClassifier(folder: string, { device = 'cpu', batch_size = 32, onWarning }: ClassifierOptions = {}): Promise<Classifier> {
  const { dirname, join } = paths()
  const config = readJson(join(folder, 'config.json')) as ClassifierConfig
  if (!config.id2label) throw new ConfigError({ where: join(folder, 'config.json'), what: 'no labels', expected: 'id2label' })
  const files = ['model.onnx', ...Object.values(hubFiles).map((name) => join('onnx', name))]
  const path = join(folder, files.find((name) => fileSystem().existsSync(join(folder, name))) ?? 'model.onnx')
  const model = runnable(readModel(readFile(path), { where: path, externalData: externalDataOf(dirname(path)) }), path)
  const { graph } = model
  const session = await openSession(model, await resolveDevice(device, graph))
  const tokenizer = await readTokenizer(folder)
  const labels = Object.values(config.id2label)
  const max_length = longestInput(config, tokenizer)
  const vocab_size = vocabularySize(graph)
  const collate = paddedBatches(graph, { pad_token_id: padTokenId(config, tokenizer, vocab_size), first_position: firstPosition(config) })
  const logits: Classifier['logits'] = async (texts) => {
    const { rows, truncated } = encodeTexts(tokenizer, texts, { max_length, vocab_size })
    if (truncated > 0) onWarning?.({ message: `${truncated} of ${texts.length} texts were cut to ${max_length} tokens` })
    const all = new Float32Array(texts.length * labels.length)
    for (let at = 0; at < rows.length; at += batch_size) {
      const { logits: own } = await session.run(feedsOf(graph, graph.inputs, collate(rows.slice(at, at + batch_size))).feeds)
      all.set(float32Of(own as OrtTensor), at * labels.length)
    }
    return all
  }
  return {
    labels,
    max_length,
    fingerprint: () =>
      sha256(
        [
          ...[...files, 'config.json', 'tokenizer.json', 'tokenizer_config.json'].map((name) => join(folder, name)),
          ...externalLocations(readFile(path), path).map((name) => join(dirname(path), name)),
        ]
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

/** The file as it is, in whatever precision; as float32 where it has bfloat16, for which the CPU has no kernels, or takes floats that batches do not have. */
function runnable(graph: Graph, path: string): Pick<RunnableModel, 'graph' | 'path'> {
  const takes = graph.inputs.map((name) => getValue(graph, name).dtype)
  const foreign = takes.includes('float16') || takes.includes('float64') || [...graph.values.values()].some(({ dtype }) => dtype === 'bfloat16')
  return foreign ? { graph: widen(graph) } : { graph, path }
}

type ClassifierConfig = ModelConfig & { id2label?: Readonly<Record<string, string>> | null | undefined }

function describe(logits: readonly number[], names: readonly string[]): Classification {
  const greatest = logits.reduce((a, b) => Math.max(a, b))
  const weights = logits.map((logit) => Math.exp(logit - greatest))
  const total = weights.reduce((a, b) => a + b)
  const index = logits.indexOf(greatest)
  return { label: names[index] as string, index, probabilities: weights.map((weight) => weight / total) }
}
