// Reads the limits of a model's input from config.json: its maximum length, its first position, its padding token.

import { requireKind } from '@cola/graph/door'
import type { Tokenizer } from './tokenizer.ts'

/** A parsed config.json. */
export type ModelConfig = Readonly<Record<string, unknown>>

/** Fields of configurations for the longest input, the most common first. */
const lengthFields = [
  'max_position_embeddings',
  'n_positions',
  'max_encoder_position_embeddings',
  'max_sequence_length',
  'max_seq_len',
  'max_seq_length',
  'seq_length',
  'n_ctx',
  'context_length',
]

/**
 * Models whose positions start at `pad_token_id + 1` (transformers' create_position_ids_from_input_ids), with the
 * default pad_token_id of their configuration classes. Earlier positions are unused: RoBERTa's 514 positions hold 512
 * tokens.
 */
const offsetPositions: Readonly<Record<string, number>> = {
  roberta: 1,
  'roberta-prelayernorm': 1,
  'xlm-roberta': 1,
  'xlm-roberta-xl': 1,
  camembert: 1,
  xmod: 1,
  'data2vec-text': 1,
  ibert: 1,
  longformer: 1,
  luke: 1,
  layoutlmv3: 1,
  lilt: 0,
  markuplm: 0,
  esm: 1,
  altclip_text_model: 1,
  bridgetower_text_model: 1,
  clap_text_model: 1,
}

/** First position of models for which it does not depend on pad_token_id. */
const fixedOffsets: Readonly<Record<string, number>> = { mpnet: 2 }

/**
 * Longest input of a model in tokens, including special tokens: the number of positions in config.json without those
 * that the architecture skips; at most the tokenizer's `modelMaxLength`. Infinity if neither is set.
 */
export function longestInput(config: ModelConfig, tokenizer?: Pick<Tokenizer, 'modelMaxLength'>): number {
  requireKind('longestInput, config', config, 'object')
  const text = textConfig(config)
  const positions = lengthFields.map((field) => text[field]).find(isCount) ?? Number.POSITIVE_INFINITY
  return Math.min(positions - firstPosition(config), tokenizer?.modelMaxLength ?? Number.POSITIVE_INFINITY)
}

/** Position id of a text's first token: 0, or the architecture's first position. */
export function firstPosition(config: ModelConfig): number {
  requireKind('firstPosition, config', config, 'object')
  const { model_type, pad_token_id } = textConfig(config)
  const type = String(model_type)
  if (Object.hasOwn(fixedOffsets, type)) return fixedOffsets[type] as number
  if (!Object.hasOwn(offsetPositions, type)) return 0
  return (isId(pad_token_id) ? pad_token_id : (offsetPositions[type] as number)) + 1
}

/**
 * Id of the padding token: `pad_token_id`, else the first of `eos_token_id` as in transformers' generation, else the
 * tokenizer's, else 0. Ids without a row in the embedding table are ignored: Llama's first configurations have -1,
 * others the number of rows.
 * @param vocab_size Rows of the embedding table. @default not checked
 */
export function padTokenId(
  config: ModelConfig,
  tokenizer?: Pick<Tokenizer, 'padTokenId'>,
  vocab_size = Number.POSITIVE_INFINITY,
): number {
  requireKind('padTokenId, config', config, 'object')
  const { pad_token_id, eos_token_id } = textConfig(config)
  return (
    [pad_token_id, [eos_token_id].flat()[0], tokenizer?.padTokenId].find(
      (id): id is number => isId(id) && id < vocab_size,
    ) ?? 0
  )
}

/** The configuration of the language model, which multimodal models have in `text_config`. */
const textConfig = (config: ModelConfig): ModelConfig => ({
  ...(config.text_config as ModelConfig | undefined),
  ...config,
})

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Whether a value is a limit; 1e30, a common `model_max_length`, is not a safe integer. */
export const isCount = (value: unknown): value is number => isId(value) && value > 0
