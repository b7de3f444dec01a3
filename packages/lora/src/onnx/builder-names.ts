// Names of parameters that onnxruntime-genai's model builder writes, and transformers' names for them.

/** How a family of models differs from Llama's names: ends of transformers' module names by the builder's. */
const families: Readonly<Record<string, Readonly<Record<string, string>>>> = {
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
  if (module === undefined || !isBuilders(name, module)) return undefined
  const own = families[model_type]?.[module]
  if (module === 'final_norm_layernorm') return `model.${own ?? 'norm'}.${kind}`
  return `model.layers.${layer}.${own ?? module.replace(/^attn\./, 'self_attn.')}.${kind}`
}

/**
 * Whether the builder wrote a name: PyTorch's exporters write neither operators in names nor `attn` for `self_attn`.
 */
const isBuilders = (name: string, module: string): boolean =>
  /\.(MatMul|Add|layernorm)\.(weight|bias)$/.test(name) || /^attn\./.test(module) || module === 'final_norm_layernorm'
