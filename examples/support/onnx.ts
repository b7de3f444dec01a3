// What lora-onnx.ts and evaluate.ts share: a pretrained ONNX model with a classification head.

import { firstPosition, longestInput, padTokenId } from '@cola/data'
import { type HeadOptions, openOnnxModel, withHead } from '@cola/lora'
import { paddedBatches, vocabularySize } from '@cola/train'

/** model_types that read a text from left to right, whose last token has seen it all. */
const decoders = new Set([
  'gpt2',
  'gpt_neo',
  'gpt_neox',
  'gptj',
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'gemma',
  'gemma2',
  'phi',
  'phi3',
  'opt',
  'bloom',
  'smollm3',
])

export const isDecoder = (model_type: string): boolean => decoders.has(model_type)

/**
 * Opens a model and puts a head on it: transformers' `score` at the last token of a decoder, `classifier` on an
 * encoder's mean or first token.
 */
export async function openWithHead(
  name: string,
  {
    num_labels,
    pooling,
    labels,
    seed = 0,
    file,
  }: Pick<HeadOptions, 'num_labels' | 'seed'> & {
    pooling?: HeadOptions['pooling'] | undefined
    labels?: readonly string[] | undefined
    file?: string | undefined
  },
) {
  const opened = await openOnnxModel(name, file === undefined ? {} : { file })
  const decoder = isDecoder(opened.config.model_type)
  const head: HeadOptions = {
    num_labels,
    pooling: pooling ?? (decoder ? 'last' : 'mean'),
    name: decoder ? 'score' : 'classifier',
    bias: !decoder,
    seed,
    ...(labels ? { labels } : {}),
  }
  const model = withHead(opened.model, head)
  const vocab_size = vocabularySize(model.graph)
  return {
    ...opened,
    model,
    pooling: head.pooling,
    collate: paddedBatches(model.graph, {
      pad_token_id: padTokenId(opened.config, opened.tokenizer, vocab_size),
      firstPosition: firstPosition(opened.config),
    }),
    /** Options of encodeRows: what the model takes. */
    limits: { max_length: longestInput(opened.config, opened.tokenizer), vocab_size },
  }
}

/** Batches of rows of like length, so that little is padded. */
export function byLength<Row extends { input_ids: readonly number[] }>(rows: readonly Row[], size: number): Row[][] {
  const sorted = [...rows].sort((a, b) => a.input_ids.length - b.input_ids.length)
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) => sorted.slice(i * size, (i + 1) * size))
}
