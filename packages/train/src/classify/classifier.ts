// Writes and loads classifiers: a folder with the model, its tokenizer and the names of its classes.

import { type Checks, checkOptions, list, optionsIn, requireOptions, text, whole } from '@cola/graph/options'
import {
  cutTexts,
  defaultLabels,
  encodeTexts,
  fetchFiles,
  type Files,
  firstPosition,
  longestInput,
  type ModelConfig,
  sourceChecks,
  strictMethods,
  type SourceOptions,
  openFiles,
  padTokenId,
  placeOf,
  readTokenizer,
  type Source,
  type TextInput,
  type Tokenizer,
} from '@cola/data'
import { getValue, type Graph } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { rotaryPositions } from '../config/rotary-tables.ts'
import { filesOf, readJson } from '../files/files.ts'
import { sha256 } from '../files/node.ts'
import { defaultDevice, type Device } from '../runtime/devices.ts'
import type { OrtTensor } from '../runtime/ort.ts'
import { untilRelease } from '../runtime/until-release.ts'
import { feedsOf, float32Of } from '../session/feeds.ts'
import { fixedSizes, type PaddedRow, paddedBatches } from '../session/padded-batches.ts'
import { roleOf } from '../session/input-roles.ts'
import { vocabularySize } from '../session/token-ids.ts'
import { type ClassifierModel, openClassifierModel, requireClasses } from './classifier-model.ts'
import { type Classification, readerOfLogits } from './problem-type.ts'
import { type ModelFolder, modelFolderChecks, writeModelFolder } from './write-model-folder.ts'

/** A text classifier that is open on a device. */
export interface Classifier {
  /** Names of the classes. */
  readonly labels: readonly string[]
  readonly tokenizer: Tokenizer
  /** Contents of config.json. */
  readonly config: ModelConfig
  /** SHA-256 of everything that the results depend on: the model, its weights, its configuration and its tokenizer. */
  readonly fingerprint: () => string
  /**
   * Longest text in tokens, including special tokens; longer ones are truncated. Infinity if the model has no limit.
   */
  readonly max_length: number
  /**
   * Classifies texts or pairs of texts, in batches. A text may be empty; one without tokens is read as a padding token.
   * @throws {DataError} for what is no text, or has a token id without a row in the embedding table; {SessionError}
   * after the release.
   */
  readonly classify: (texts: readonly (string | TextInput)[]) => Promise<Classification[]>
  /**
   * Logits of texts or pairs of texts, one array for all: [texts, classes] in row-major order. Those of text i are
   * `logits.subarray(i * labels.length, (i + 1) * labels.length)`. @throws {DataError} as `classify`.
   */
  readonly logits: (texts: readonly (string | TextInput)[]) => Promise<Float32Array>
  /** Frees the session. The classifier answers no more. */
  readonly release: () => Promise<void>
}

/** What {@link writeClassifier} writes. */
export interface ClassifierExport extends ModelFolder {
  /** Names of the classes. @default those of the configuration's id2label, else LABEL_0, LABEL_1, ... */
  labels?: readonly string[]
}

const exportChecks: Checks<ClassifierExport> = { ...modelFolderChecks, labels: list }

/**
 * Writes a classifier that any ONNX Runtime loads: model.onnx with its weights beside it, config.json and the
 * tokenizer.
 * Its `graph` has inputs `input_ids` and `attention_mask`, int64 [batch, sequence], and the output `logits`
 * [batch, classes].
 * @throws {ConfigError | GraphError | ShapeError | FileError} as {@link writeModelFolder}.
 */
export function writeClassifier(options: ClassifierExport): void {
  checkOptions('writeClassifier', options, exportChecks)
  requireOptions('writeClassifier', options, exportChecks, ['folder', 'graph', 'config'])
  const { labels = labelsOf(options.graph, options.config), ...folder } = options
  const id2label = Object.fromEntries(labels.map((name, i) => [i, name]))
  const label2id = Object.fromEntries(labels.map((name, i) => [name, i]))
  writeModelFolder({ ...folder, config: { ...folder.config, id2label, label2id, num_labels: undefined } })
}

function labelsOf(graph: Graph, { id2label }: ClassifierConfig): string[] {
  if (id2label) return Object.values(id2label)
  const classes = Number(getValue(graph, graph.outputs[0] as string).shape.at(-1))
  return defaultLabels(classes)
}

/** Options of {@link loadClassifier}. */
export interface ClassifierOptions extends SourceOptions {
  /** @default 'cpu' in Node, 'wasm' in a browser */
  device?: Device
  /** Texts per batch. @default 32 */
  batch_size?: number
  /**
   * The ONNX file, relative to the folder. @default the first of model.onnx, onnx/model.onnx and those of other
   * precisions, such as model_quantized.onnx
   */
  file?: string
  /** Called when texts were truncated, with their number. @default none */
  onWarning?: (warning: { message: string }) => void
}

const loadChecks: Checks<ClassifierOptions> = { ...sourceChecks, device: text, batch_size: whole(1), file: text }

/** What does here what an option of transformers.js does there. */
const elsewhere = { dtype: "It is file: 'onnx/model_quantized.onnx', say.", model_file_name: 'It is file.' }

/**
 * Loads a classifier from a folder, a repository on the hub, an address, picked files or bytes. The file runs as it is,
 * also if it was quantized or fused. Texts are truncated to the longest input of config.json and the tokenizer
 * (`longestInput`); special tokens stay. Logits are read as config.json's `problem_type` says. If the model has no
 * attention mask, only texts of one length share a batch.
 * @throws {FileError | FormatError | ConfigError | DeviceError | ModelError} naming the file: it is missing or damaged,
 * has inputs that are not computed from text, has no logits or not one label per class; the device is not available;
 * the runtime refuses the model.
 */
export async function loadClassifier(source: Source, options: ClassifierOptions = {}): Promise<Classifier> {
  checkOptions('loadClassifier', options, loadChecks, false, elsewhere)
  const { device = defaultDevice(), file } = options
  const folder = filesOf(await openFiles(source, { ...optionsIn(sourceChecks, options), files: [] }))
  refuseAdapter(folder)
  await fetchFiles(folder, [{ path: 'config.json', optional: true }])
  const config = (readJson(folder, 'config.json') ?? {}) as ModelConfig
  const model = await openClassifierModel(folder, config, { device, file })
  try {
    return await classifier(model, folder, config, options)
  } catch (error) {
    await model.session.release()
    throw error
  }
}

/** @throws {ConfigError} for a folder with an adapter, which is no model without its base. */
function refuseAdapter(folder: Files): void {
  if (!folder.has('adapter_config.json') || folder.has('config.json')) return
  throw new ConfigError({
    where: folder.where,
    what: 'an adapter without its base model',
    expected: "a classifier's folder, such as export() writes",
    fix: 'Open it with loadFineTuned of @cola/lora, or export it.',
  })
}

/** A model at work on texts. */
async function classifier(
  { graph, session, output, labels, files }: ClassifierModel,
  folder: Files,
  config: ModelConfig,
  { batch_size = 32, onWarning }: ClassifierOptions,
): Promise<Classifier> {
  const readLogits = readerOfLogits(config, labels.length, placeOf(folder, 'config.json'))
  const tokenizer = await readTokenizer(folder)
  const sizes = fixedSizes(graph)
  const columns = sizes.columns ?? Number.POSITIVE_INFINITY
  const max_length = Math.min(longestInput(config, tokenizer), columns, rotaryPositions(graph))
  const vocab_size = vocabularySize(graph)
  const pad_token_id = padTokenId(config, tokenizer, vocab_size)
  const collate = paddedBatches(graph, {
    pad_token_id,
    firstPosition: firstPosition(config),
  })
  const isMasked = graph.inputs.some((name) =>
    ['attention_mask', 'token_weights', 'last_token'].includes(roleOf(graph, name) ?? ''),
  )
  const logitsOf = async (rows: readonly PaddedRow[]): Promise<Float32Array> => {
    const missing = Math.max(0, (sizes.rows ?? 0) - rows.length)
    const filled = [...rows, ...Array.from({ length: missing }, () => rows[0] as PaddedRow)]
    const result = (await session.run(feedsOf(graph, graph.inputs, collate(filled)).feeds))[output] as OrtTensor
    requireClasses(labels, result.dims, folder)
    return float32Of(result).subarray(0, rows.length * labels.length)
  }
  const { requireOpen, release } = untilRelease('classifier', 'Open it again with loadClassifier.')
  const logits: Classifier['logits'] = async (texts) => {
    requireOpen()
    const { rows, truncated } = encodeTexts(tokenizer, texts, { max_length, vocab_size, pad_token_id })
    for (const message of cutTexts(texts, truncated, 'texts', max_length)) onWarning?.({ message })
    const all = new Float32Array(texts.length * labels.length)
    for (const batch of batches(rows, sizes.rows ?? batch_size, isMasked)) {
      const values = await logitsOf(batch.map((row) => rows[row] as PaddedRow))
      batch.forEach((row, i) => {
        all.set(values.subarray(i * labels.length, (i + 1) * labels.length), row * labels.length)
      })
    }
    return all
  }
  const classify: Classifier['classify'] = async (texts) => {
    const values = await logits(texts)
    return texts.map((_, i) =>
      readLogits(Array.from(values.subarray(i * labels.length, (i + 1) * labels.length)), labels),
    )
  }
  return {
    labels,
    tokenizer,
    config,
    max_length,
    fingerprint: () => {
      requireOpen()
      const names = [...files, 'config.json', 'tokenizer.json', 'tokenizer_config.json']
      return sha256(names.filter((name) => folder.has(name)).map((name) => folder.read(name)))
    },
    ...strictMethods({ logits, classify }, 'pairs'),
    release: () => {
      release()
      return session.release()
    },
  }
}

/** Indices of the rows of each batch: in order, or rows of one length if the model has no mask for padding. */
function batches(rows: readonly { input_ids: readonly number[] }[], size: number, isMasked: boolean): number[][] {
  const lengthOf = (row: number) => rows[row]?.input_ids.length ?? 0
  const order = isMasked ? [...rows.keys()] : [...rows.keys()].sort((a, b) => lengthOf(a) - lengthOf(b))
  const result: number[][] = []
  for (const row of order) {
    const last = result.at(-1)
    if (last && last.length < size && (isMasked || lengthOf(last[0] as number) === lengthOf(row))) last.push(row)
    else result.push([row])
  }
  return result
}

type ClassifierConfig = ModelConfig & { id2label?: Readonly<Record<string, string>> | null | undefined }
