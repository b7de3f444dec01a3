// A classifier in a folder: the model, its tokenizer, the names of its classes; and the typed wrapper around it: classify(texts) -> labels and probabilities.

import { encodeTexts, firstPosition, longestInput, type ModelConfig, padTokenId, readTokenizer, type TextInput } from '@cola/data'
import { externalLocations, getValue, type Graph, readModel, widen } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { fileSystem, paths, readFile, readJson, sha256 } from '../files/node.ts'
import { type Device, externalDataOf, openSession, resolveDevice, type RunnableModel } from '../runtime/device.ts'
import type { OrtTensor } from '../runtime/ort.ts'
import { feedsOf, float32Of } from '../session/feeds.ts'
import { paddedBatches } from '../session/padded.ts'
import { vocabularySize } from '../session/token-ids.ts'
import { hubFiles, type ModelFolder, writeModelFolder } from './write-model-folder.ts'

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

export interface ClassifierExport extends ModelFolder {
  /** Names of the classes. @default those of the configuration's id2label, else LABEL_0, LABEL_1, ... */
  labels?: readonly string[]
}

/**
 * Writes a classifier that any ONNX Runtime loads: model.onnx with its weights beside it, config.json and the tokenizer.
 * @param classifier Its `graph` takes int64 `input_ids` and `attention_mask` [batch, sequence] and gives `logits`
 * [batch, classes].
 * @throws {ConfigError | GraphError | ShapeError | FileError} as {@link writeModelFolder}.
 */
export function writeClassifier({ labels: given, ...folder }: ClassifierExport): void {
  const labels = given ?? defaultLabels(folder.graph, folder.config)
  const id2label = Object.fromEntries(labels.map((name, i) => [i, name]))
  const label2id = Object.fromEntries(labels.map((name, i) => [name, i]))
  writeModelFolder({ ...folder, config: { ...folder.config, id2label, label2id, num_labels: undefined } })
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
