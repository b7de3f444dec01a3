// The fields of config.json that tell a model's sizes, by the names that transformers' configuration classes give them.

import type { ModelConfig } from '@cola/data'
import { hasLlamaLayers } from './layer-types.ts'
import type { Said } from './model-fact.ts'

/**
 * The numbers that a configuration has in some of its fields, or in those of its language model: models of several
 * kinds of inputs keep them apart, in `text_config`.
 */
export const numbersIn = (config: ModelConfig, fields: readonly string[]): Said[] =>
  [config, (config.text_config ?? {}) as ModelConfig].flatMap((part) =>
    fields.flatMap((field): Said[] => {
      const value = part[field]
      return typeof value === 'number' ? [[value, field]] : []
    }),
  )

const widths = ['hidden_size', 'n_embd', 'd_model', 'dim', 'emb_dim', 'model_dim']

const narrowWidths = ['embedding_size', 'input_embedding_size', 'word_embed_proj_dim', 'd_embed']

/** Types whose token embeddings have the narrow width, where their configuration says one. */
const narrow = new Set(['albert', 'electra', 'convbert', 'mobilebert', 'rembert', 'opt'])

/** Widths of token embeddings; a matrix may bring them to the model's width. */
export function embeddingWidths(config: ModelConfig): Said[] {
  const own = numbersIn(config, narrowWidths)
  return own.length > 0 && narrow.has(String(config.model_type)) ? own : [...numbersIn(config, widths), ...own]
}

/** Widths of what queries are computed from: MobileBERT's read a narrower value. */
export const queryWidths = (config: ModelConfig): Said[] =>
  numbersIn(config, [...widths, 'true_hidden_size', 'intra_bottleneck_size'])

export const layerCounts = (config: ModelConfig): Said[] =>
  numbersIn(config, [
    ...['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers', 'encoder_layers'],
    ...['decoder_layers', 'num_decoder_layers'],
  ])

/** Numbers of heads; ConvBERT has a share of them. */
export const headCounts = (config: ModelConfig): Said[] =>
  config.head_ratio === undefined
    ? numbersIn(config, [
        ...['num_attention_heads', 'n_head', 'n_heads', 'num_heads', 'attention_heads'],
        ...['encoder_attention_heads', 'decoder_attention_heads'],
      ])
    : []

/** Numbers of key-value heads; where none is set, each head has its own. */
export function keyHeadCounts(config: ModelConfig): Said[] {
  const own = numbersIn(config, ['num_key_value_heads', 'num_global_key_value_heads', 'num_kv_heads'])
  return own.length > 0 || config.multi_query !== undefined ? own : headCounts(config)
}

/** Numbers of products of a layer's attention: grouped queries may be further rows of their key's. */
export function productCounts(config: ModelConfig): Said[] {
  const heads = headCounts(config)
  if (heads.length === 0) return []
  return [...heads, ...keyHeadCounts(config).filter(([count]) => heads.every(([other]) => other !== count))]
}

/** Types whose heads have a size that their configuration class sets, where config.json does not. */
const ownSize = /^(gemma|qwen3)/

export function headSizes(config: ModelConfig): Said[] {
  const own = numbersIn(config, ['head_dim', 'global_head_dim'])
  if (own.length > 0 || config.multi_query !== undefined || ownSize.test(String(config.model_type))) return own
  const [width] = numbersIn(config, ['hidden_size', 'n_embd'])
  if (!width) return []
  return headCounts(config).map(([heads, field]) => [Number(width[0]) / Number(heads), `${width[1]} / ${field}`])
}

/** What a configuration says, where its type is known to have Llama's projections. */
export const ofLlama =
  (said: (config: ModelConfig) => Said[]) =>
  (config: ModelConfig): Said[] =>
    hasLlamaLayers(config.model_type) ? said(config) : []

/** Products of a number of heads and their size. */
export const headWidths = (counts: (config: ModelConfig) => readonly Said[]): ((config: ModelConfig) => Said[]) =>
  ofLlama((config) =>
    counts(config).flatMap(([count, field]) =>
      headSizes(config).map(([size, of]): Said => [Number(count) * Number(size), `${field} * ${of}`]),
    ),
  )
