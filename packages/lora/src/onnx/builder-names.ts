// Names of parameters that onnxruntime-genai's model builder writes, and transformers' names for them.

/** How a family of models differs from Llama's names: ends of transformers' module names by the builder's. */
const families: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  granitemoehybrid: {
    'mlp.down_proj': 'shared_mlp.output_linear',
    'mlp.gate_proj': 'shared_mlp.gate_proj',
    'mlp.up_proj': 'shared_mlp.up_proj',
  },
  hunyuan_v1_dense: { 'attn.k_norm': 'self_attn.key_layernorm', 'attn.q_norm': 'self_attn.query_layernorm' },
  lfm2: {
    'attn.k_norm': 'self_attn.k_layernorm',
    'attn.o_proj': 'self_attn.out_proj',
    'attn.q_norm': 'self_attn.q_layernorm',
    ffn_layernorm: 'ffn_norm',
    final_norm_layernorm: 'embedding_norm',
    'mlp.down_proj': 'feed_forward.w2',
    'mlp.gate_proj': 'feed_forward.w1',
    'mlp.up_proj': 'feed_forward.w3',
    operator_layernorm: 'operator_norm',
  },
  phi: { 'attn.o_proj': 'self_attn.dense', final_norm_layernorm: 'final_layernorm' },
}

/** The builder's name of a parameter: a layer, a module, perhaps the operator that reads it, and the kind. */
const inLayer = /^model\.layers\.(?<layer>\d+)\.(?<module>[\w.]+?)(\.(?:MatMul|Add|layernorm))?\.(?<kind>weight|bias)$/
const head = /^lm_head\.(?:MatMul|Add)\.(?<kind>weight|bias)$/

/** transformers' name of a parameter that the builder named; undefined for other names. */
export function builderName(name: string, model_type: string): string | undefined {
  const outside = head.exec(name)?.groups
  if (outside) return `lm_head.${outside.kind}`
  const { layer, module, kind } = (inLayer.exec(name)?.groups ?? {}) as Record<string, string | undefined>
  if (module === undefined) return undefined
  const own = families[model_type]?.[module]
  if (own === undefined && !isBuilders(name, module)) return undefined
  if (module === 'final_norm_layernorm') return `model.${own ?? 'norm'}.${kind}`
  return `model.layers.${layer}.${own ?? module.replace(/^attn\./, 'self_attn.')}.${kind}`
}

/**
 * Whether the builder wrote a name: PyTorch's exporters write neither operators in names nor `attn` for `self_attn`.
 * Modules that transformers itself calls `attn` have other parts (ModernBERT's `attn.Wqkv`).
 */
const isBuilders = (name: string, module: string): boolean =>
  /\.(MatMul|Add|layernorm)\.(weight|bias)$/.test(name) ||
  /^attn\.(qkv|[qkvo])_(proj|norm)$/.test(module) ||
  module === 'final_norm_layernorm'

/** transformers' name of a module that the builder named; other modules as they are. */
export const builderModule = (module: string, model_type: string): string =>
  builderName(`${module}.weight`, model_type)?.replace(/\.weight$/, '') ?? module
