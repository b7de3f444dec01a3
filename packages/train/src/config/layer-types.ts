// Which of transformers' model types have layers with such paths. A type that is listed nowhere may have any.

/** Types whose layers are those of BERT, the best known first. */
const bertLike = [
  ...['bert', 'roberta', 'xlm-roberta', 'electra', 'mpnet', 'deberta-v2', 'deberta', 'camembert', 'ernie', 'esm'],
  ...['convbert', 'mobilebert', 'longformer', 'big_bird', 'rembert', 'roformer', 'megatron-bert', 'layoutlm', 'luke'],
  ...['bert-generation', 'data2vec-text', 'ibert', 'roberta-prelayernorm', 'roc_bert', 'splinter', 'xlm-roberta-xl'],
  'xmod',
]

const llamaLike = [
  ...['llama', 'qwen2', 'qwen3', 'mistral', 'gemma', 'gemma2', 'gemma3_text', 'gemma3', 'phi', 'phi3', 'smollm3'],
  ...['olmo', 'olmo2', 'granite', 'cohere', 'cohere2', 'mixtral', 'qwen2_moe', 'qwen3_moe', 'stablelm', 'starcoder2'],
]

/** From the narrowest pattern to the widest: the first that a model's paths have decides. */
const rows: readonly { readonly path: RegExp; readonly types: readonly string[] }[] = [
  { path: /(^|\.)albert_layer_groups\.\d+\./, types: ['albert'] },
  { path: /(^|\.)encoder\.layer\.\d+\./, types: bertLike },
  { path: /(^|\.)transformer\.layer\.\d+\.(attention\.|ffn\.|sa_layer_norm|output_layer_norm)/, types: ['distilbert'] },
  { path: /(^|\.)layers\.\d+\.(attn\.W|mlp\.W|mlp_norm|attn_norm)/, types: ['modernbert'] },
  { path: /(^|\.)decoder\.layers\.\d+\.self_attn/, types: ['opt'] },
  { path: /(^|\.)layers\.\d+\.(conv\.(in|out)_proj|feed_forward\.w)/, types: ['lfm2'] },
  { path: /(^|\.)layers\.\d+\.self_attn\./, types: llamaLike },
  { path: /(^|\.)layers\.\d+\.attention\.query_key_value/, types: ['gpt_neox'] },
  { path: /(^|\.)layers\.\d+\.input_layernorm/, types: [...llamaLike, 'gpt_neox'] },
  { path: /(^|\.)h\.\d+\.attn\.attention\./, types: ['gpt_neo'] },
  { path: /(^|\.)h\.\d+\.self_attention\./, types: ['bloom', 'falcon'] },
  { path: /(^|\.)h\.\d+\.attn\.c_(attn|proj)/, types: ['gpt2', 'gpt_bigcode'] },
  { path: /(^|\.)h\.\d+\.attn\.(q_proj|qkv_proj|out_proj)/, types: ['codegen', 'gptj'] },
  { path: /(^|\.)h\.\d+\./, types: ['gpt2', 'gpt_neo', 'gptj', 'bloom', 'falcon', 'codegen', 'gpt_bigcode'] },
  { path: /(^|\.)blocks\.\d+\.(attn\.|ffn\.|norm_)/, types: ['mpt'] },
]

const known = new Set(rows.flatMap(({ types }) => types))

/** Whether a type's layers are in the table. */
export const hasKnownLayers = (model_type: unknown): boolean => known.has(String(model_type))

/** Whether a type's layers are those of BERT. */
export const hasBertLayers = (model_type: unknown): boolean => bertLike.includes(String(model_type))

/** Whether a type's attention has Llama's projections. */
export const hasLlamaLayers = (model_type: unknown): boolean => llamaLike.includes(String(model_type))

/** The first path that a row of the table describes, and the types that have such layers. */
export function typesOfLayers(paths: readonly string[]): { path: string; types: readonly string[] } | undefined {
  for (const { path: pattern, types } of rows) {
    const path = paths.find((name) => pattern.test(name))
    if (path !== undefined) return { path, types }
  }
  return undefined
}
