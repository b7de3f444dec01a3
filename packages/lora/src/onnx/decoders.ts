// Which models are causal, and which of them tie the language-model head to the token embeddings.

/** transformers' model_type of decoders. */
const decoders: ReadonlySet<string> = new Set([
  'bloom',
  'codegen',
  'cohere',
  'falcon',
  'gemma',
  'gemma2',
  'gemma3_text',
  'gpt2',
  'gpt_bigcode',
  'gpt_neo',
  'gpt_neox',
  'gptj',
  'granite',
  'llama',
  'mistral',
  'mpt',
  'olmo',
  'olmo2',
  'opt',
  'phi',
  'phi3',
  'qwen2',
  'qwen3',
  'smollm3',
  'stablelm',
  'starcoder2',
])

/** Whether a model of this type attends to earlier tokens only. */
export const isDecoder = (model_type: string): boolean => decoders.has(model_type)

/** Decoders whose configuration class has `tie_word_embeddings: true` as the default. */
const tied: ReadonlySet<string> = new Set([
  'bloom',
  'cohere',
  'falcon',
  'gemma',
  'gemma2',
  'gemma3_text',
  'gpt2',
  'gpt_bigcode',
  'gpt_neo',
  'mpt',
  'opt',
  'smollm3',
  'starcoder2',
])

type Config = Readonly<Record<string, unknown>> & { model_type: string }

/** Whether a model is causal, by its type or other fields of its configuration. */
export const isCausal = ({ model_type, is_decoder, architectures }: Config): boolean =>
  isDecoder(model_type) ||
  is_decoder === true ||
  [architectures].flat().some((name) => /(ForCausalLM|LMHeadModel)$/.test(String(name)))

/** transformers' `tie_word_embeddings`: whether the language-model head shares the token embeddings' matrix. */
export const tiesEmbeddings = ({ tie_word_embeddings, model_type }: Config): boolean =>
  typeof tie_word_embeddings === 'boolean' ? tie_word_embeddings : tied.has(model_type)
