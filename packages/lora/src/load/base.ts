// Opens base models of every kind: GPT-2 from safetensors or any ONNX model, from a folder, from the hub, or an already
// opened one.

import {
  fetchFiles,
  type Files,
  firstPosition,
  longestInput,
  openFiles,
  packSentences,
  padTokenId,
  type Source,
  type Tokenizer,
  type TokenSequence,
} from '@cola/data'
import { cloneGraph, formatValue, type Graph, getValue, type Model, prune } from '@cola/graph'
import { type Batch, paddedBatches, vocabularySize } from '@cola/train'
import { filesOf, readJson } from '@cola/train/files'
import { ConfigError } from '../errors.ts'
import { gpt2 } from '../gpt2/graph.ts'
import { withPaddedInputs } from '../gpt2/padded-inputs.ts'
import { withTensorsOf } from '../inject/adapted-model.ts'
import { checkVocabulary } from '../onnx/check-vocabulary.ts'
import { isCausal } from '../onnx/decoders.ts'
import { withMaskedInputs } from '../onnx/masked-inputs.ts'
import { hiddenStates, isHidden } from '../onnx/hidden.ts'
import { onnxFiles } from '../onnx/dtypes.ts'
import { type OnnxModel, type OnnxModelOptions, openOnnxModel } from '../onnx/open.ts'
import type { Quantization } from '../onnx/quantization.ts'
import { type CachedModel, readCachedModel } from '../onnx/read.ts'
import { withNextTokenLogits } from './language-model.ts'
import { loadPretrained, type Pretrained } from './pretrained.ts'

/** A batch, and the index of each sentence's first token in its flattened rows. */
export interface PlacedBatch {
  readonly batch: Batch
  /** Shape of its token ids, [rows, columns]. */
  readonly grid: readonly number[]
  readonly starts: readonly number[]
}

/** A pretrained model, to which a task adds its head. */
export interface BaseModel {
  /** What the source is called: its path, address or name on the hub. */
  readonly name: string
  /** The ONNX file, where a file or a precision was requested; the requested revision and quantization. */
  readonly origin: { readonly file?: string; readonly revision?: string; readonly quantization?: Quantization }
  /** What it was opened from. */
  readonly files: Files
  /** Path of the folder that the files were read from; in a browser, what was opened is called so. */
  readonly folder: string
  readonly config: Readonly<Record<string, unknown>> & { model_type: string }
  readonly tokenizer: Tokenizer
  /** Whether a token attends to earlier tokens only; then the last token depends on the whole text. */
  readonly causal: boolean
  /** Greatest number of tokens of an input. */
  readonly max_length: number
  /** Rows of the embedding table; token ids are below it. */
  readonly vocab_size: number
  /**
   * The model whose first output is its hidden states: [batch, sequence, width], or [token, width] of a packed batch.
   * @throws {ConfigError} for a model in which they cannot be found.
   */
  readonly hiddenStates: () => Model
  /**
   * The model whose only output is `logits` of the next token, [batch, sequence, vocab_size] or [token, vocab_size].
   * @throws {ConfigError} for an encoder, or a decoder without a language-model head.
   */
  readonly languageModel: () => Model
  /**
   * The language model with its cache of keys and values, for `createGenerator`: adapters for `languageModel` fit it.
   * Undefined for a file without a cache.
   * @throws {ConfigError} as `languageModel` does.
   */
  readonly cachedLanguageModel: () => Model | CachedModel | undefined
  /** Makes batches of token ids for a graph that was built on this base. */
  readonly batches: (graph: Graph) => (rows: readonly TokenSequence[]) => PlacedBatch
  /** A copy for other programs: int64 `input_ids` and `attention_mask` [batch, sequence], padded on either side. */
  readonly padded: (model: Model) => Graph
}

/** A source of files, or a model that `openOnnxModel` or `loadPretrained` returned. */
export type BaseModelSource = Source | OnnxModel | Pretrained

/** Whether a base model is open already. */
const isOpenModel = (source: BaseModelSource): source is OnnxModel | Pretrained =>
  typeof source === 'object' && source !== null && 'model' in source && 'tokenizer' in source

/**
 * Opens a base model: a folder or repository with an ONNX file by `openOnnxModel`, one with GPT-2's weights and no ONNX
 * file by `loadPretrained`.
 * @throws {ConfigError | FormatError | GraphError | FileError | HubError | DataError} as those two do.
 */
export async function openBase(source: BaseModelSource, options: OnnxModelOptions = {}): Promise<BaseModel> {
  if (isOpenModel(source)) return 'parameters' in source ? gpt2Base(source) : onnxBase(source)
  const { file, dtype, revision, quantization } = options
  const files = filesOf(await openFiles(source, { ...options, files: [] }))
  const origin = {
    name: files.where,
    ...(revision === undefined ? {} : { revision }),
    ...(quantization === undefined ? {} : { quantization }),
  }
  const isAsked = file !== undefined || dtype !== undefined
  if (!isAsked && (await isGpt2Checkpoint(files))) return gpt2Base(await loadPretrained(files, options), origin)
  const opened = await openOnnxModel(files, options)
  return onnxBase(opened, { ...origin, ...(isAsked ? { file: opened.file } : {}) })
}

/** Whether a source has GPT-2's weights and no ONNX file. */
async function isGpt2Checkpoint(files: Files): Promise<boolean> {
  await fetchFiles(files, [{ path: 'config.json', optional: !files.fetch }])
  if (!files.has('config.json')) return false
  if ((readJson(files, 'config.json') as { model_type?: unknown } | null)?.model_type !== 'gpt2') return false
  for (const path of onnxFiles) {
    await fetchFiles(files, [{ path, optional: true }])
    if (files.has(path)) return false
  }
  return true
}

type Origin = BaseModel['origin'] & { name: string }

function onnxBase(
  { model, config, tokenizer, files, folder, file }: OnnxModel,
  { name, ...origin }: Origin = { name: files.where },
): BaseModel {
  const vocab_size = vocabularySize(model.graph)
  const padding = {
    pad_token_id: padTokenId(config, tokenizer, vocab_size),
    firstPosition: firstPosition(config),
  }
  const causal = isCausal(config)
  const textOnly = ({ graph, ...rest }: Model): Model => {
    requireTextInputs(graph, paddedBatches(graph, padding)([[0]]))
    return { ...rest, graph }
  }
  return {
    name,
    origin,
    files,
    folder,
    config,
    tokenizer,
    causal,
    max_length: longestInput(config, tokenizer),
    vocab_size,
    hiddenStates: () => textOnly(withHiddenStates(model)),
    languageModel: () => {
      checkVocabulary(model.graph, tokenizer, name)
      return textOnly(withNextTokenLogits(model, config, causal))
    },
    cachedLanguageModel: () => {
      const cached = readCachedModel(files, file, config)
      if (!cached) return undefined
      // The matrices of the open model may be quantized.
      return { ...cached, ...withTensorsOf(withNextTokenLogits(cached, config, causal, isPresent), model) }
    },
    batches: (graph) => {
      const collate = paddedBatches(graph, padding)
      return (rows) => {
        const batch = collate(rows)
        // The input of token ids has any name; every input with two axes is [rows, columns].
        const grid = Object.values(batch).find(({ dims }) => dims.length === 2)?.dims ?? [rows.length, 0]
        return { batch, grid, starts: rows.map((_, row) => row * (grid[1] as number)) }
      }
    },
    padded: withMaskedInputs,
  }
}

function gpt2Base(
  { config, parameters, tokenizer, files, folder }: Pretrained,
  { name, ...origin }: Origin = { name: files.where },
): BaseModel {
  const build = (head: 'none' | 'language-model') => gpt2(config, parameters, { head })
  return {
    name,
    origin,
    files,
    folder,
    config,
    tokenizer,
    causal: true,
    max_length: config.n_positions,
    vocab_size: config.vocab_size,
    hiddenStates: () => build('none'),
    languageModel: () => build('language-model'),
    cachedLanguageModel: () => gpt2(config, parameters, { head: 'language-model', cache: true }),
    batches: () => packedBatch,
    padded: withPaddedInputs,
  }
}

const isPresent = (output: string): boolean => output.startsWith('present')

/** @throws {ConfigError} for a graph with inputs that a batch of texts lacks. */
function requireTextInputs(graph: Graph, batch: Batch): void {
  const others = graph.inputs.filter((name) => !Object.hasOwn(batch, name))
  if (others.length === 0) return
  throw new ConfigError({
    where: `graph "${graph.name}"`,
    what: 'it takes inputs that a text does not give',
    expected: 'input_ids, attention_mask, token_type_ids, position_ids',
    found: others.slice(0, 6).join(', '),
    fix: 'Export the model without a cache of keys and values.',
  })
}

/** The model up to its hidden states, without heads. */
function withHiddenStates({ graph: original, trainable }: Model): Model {
  const states = hiddenStates(original)
  if (!states || !isHidden(states))
    throw new ConfigError({
      where: `graph "${original.name}"`,
      what: 'no hidden states',
      expected: 'an output "last_hidden_state" [batch, sequence, width]',
      found: original.outputs.map((name) => formatValue(getValue(original, name))).join('; '),
      fix: 'Export the model with its hidden states.',
    })
  const graph = { ...cloneGraph(original), outputs: [states.name] }
  prune(graph)
  return { graph, trainable }
}

/**
 * Sentences packed into rows, with the inputs of a pooled head: indices of the first and the last token [batch], and
 * the weights of a mean over real tokens [batch, tokens].
 */
function packedBatch(rows: readonly TokenSequence[]): PlacedBatch {
  const batch = packSentences(rows.map(({ input_ids }) => input_ids))
  const lengths = rows.map(({ input_ids }) => input_ids.length)
  const starts = lengths.map((length, i) => (batch.last_token.data[i] as number) - length + 1)
  const tokens = batch.input_ids.data.length
  const weights = new Float32Array(rows.length * tokens)
  lengths.forEach((length, i) => {
    const start = i * tokens + (starts[i] as number)
    weights.fill(1 / length, start, start + length)
  })
  return {
    batch: {
      ...batch,
      first_token: { data: Int32Array.from(starts), dims: [rows.length] },
      pooling_weights: { data: weights, dims: [rows.length, tokens] },
    },
    grid: batch.input_ids.dims,
    starts,
  }
}
