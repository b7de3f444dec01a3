// The interface of a base model, to which a task adds its head.

import type { Files, Tokenizer, TokenSequence } from '@cola/data'
import type { Graph, Model, Tensor } from '@cola/graph'
import type { Batch } from '@cola/train'
import type { ModelOrigin } from '../onnx/open-options.ts'
import type { CachedModel } from '../onnx/read.ts'

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
  /** What was asked for when it was opened. */
  readonly origin: ModelOrigin
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
  /** Parameters of the model as it was opened, those of its head among them, under transformers' names. */
  readonly parameters: ReadonlyMap<string, Tensor>
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
   * The language model for training: `batches` puts several texts in a row of it, where its graph is known to keep them
   * apart; else {@link languageModel}.
   * @throws {ConfigError} as `languageModel` does.
   */
  readonly packedLanguageModel: () => Model
  /**
   * The language model with its cache of keys and values, for `createGenerator`: adapters for `languageModel` fit it.
   * Undefined for a file without a cache.
   * @throws {ConfigError} as `languageModel` does.
   */
  readonly cachedLanguageModel: () => Model | CachedModel | undefined
  /** Makes batches of token ids for a graph that was built on this base. */
  readonly batches: (graph: Graph) => (rows: readonly TokenSequence[]) => PlacedBatch
  /** A copy for other programs: int64 `input_ids` and `attention_mask` [batch, sequence], padded on either side. */
  readonly padded: (model: Model) => Promise<Graph>
}
