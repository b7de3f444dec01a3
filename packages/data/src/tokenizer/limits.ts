// What a model's config.json says of its input: how long it may be, and which token pads it.

import type { Tokenizer } from './tokenizer.ts'

/** A parsed config.json. */
export type ModelConfig = Readonly<Record<string, unknown>>

/** Fields under which configurations keep the longest input, the usual first. */
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
 * Models whose position table is read from `pad_token_id + 1` on (transformers' create_position_ids_from_input_ids),
 * with the pad_token_id that their configuration classes take by default. The places before it are lost: RoBERTa's 514
 * positions hold 512 tokens.
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

/** Models that start at a place of their own, whatever pad_token_id is. */
const fixedOffsets: Readonly<Record<string, number>> = { mpnet: 2 }

/**
 * Longest input of a model in tokens, special tokens included: the positions that config.json names, less those that
 * the architecture skips; at most the tokenizer's `modelMaxLength`. Infinity where neither says anything.
 */
export function longestInput(config: ModelConfig, tokenizer?: Pick<Tokenizer, 'modelMaxLength'>): number {
  const text = textConfig(config)
  const positions = lengthFields.map((field) => text[field]).find(isCount) ?? Number.POSITIVE_INFINITY
  return Math.min(positions - firstPosition(config), tokenizer?.modelMaxLength ?? Number.POSITIVE_INFINITY)
}

/** Place in the position table of a text's first token: 0, or where the architecture starts. */
export function firstPosition(config: ModelConfig): number {
  const { model_type, pad_token_id } = textConfig(config)
  const type = String(model_type)
  if (Object.hasOwn(fixedOffsets, type)) return fixedOffsets[type] as number
  if (!Object.hasOwn(offsetPositions, type)) return 0
  return (isId(pad_token_id) ? pad_token_id : (offsetPositions[type] as number)) + 1
}

/**
 * The token that pads: `pad_token_id`, else the first of `eos_token_id` as in transformers' generation, else the
 * tokenizer's, else 0. Ids that the embedding table does not have count as absent: Llama's first configurations have
 * -1, others the number of rows.
 * @param vocab_size Rows of the embedding table. @default not checked
 */
export function padTokenId(
  config: ModelConfig,
  tokenizer?: Pick<Tokenizer, 'padTokenId'>,
  vocab_size = Number.POSITIVE_INFINITY,
): number {
  const { pad_token_id, eos_token_id } = textConfig(config)
  return (
    [pad_token_id, [eos_token_id].flat()[0], tokenizer?.padTokenId].find(
      (id): id is number => isId(id) && id < vocab_size,
    ) ?? 0
  )
}

/** Models of several modalities keep their language model's configuration in `text_config`. */
const textConfig = (config: ModelConfig): ModelConfig => ({
  ...(config.text_config as ModelConfig | undefined),
  ...config,
})

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** Numbers that are no limits, such as the 1e30 of `model_max_length`, are no safe integers. */
export const isCount = (value: unknown): value is number => isId(value) && value > 0
