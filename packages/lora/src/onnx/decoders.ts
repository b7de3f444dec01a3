// Which models are causal, which of them tie the language-model head to the token embeddings, and what their positions
// are.

/**
 * transformers' model_type of decoders, whether their configuration class ties the word embeddings by default, and
 * whether they learn an embedding of each position. The others have rotary positions or ALiBi, which depend on the
 * distance of two tokens.
 */
const decoders: ReadonlyMap<string, { tied: boolean; learned?: true }> = new Map([
  ['apertus', { tied: false }],
  ['arcee', { tied: false }],
  ['biogpt', { tied: true, learned: true }],
  ['bloom', { tied: true }],
  ['codegen', { tied: false }],
  ['cohere', { tied: true }],
  ['cohere2', { tied: true }],
  ['cwm', { tied: false }],
  ['diffllama', { tied: false }],
  ['ernie4_5', { tied: true }],
  ['exaone4', { tied: false }],
  ['falcon', { tied: true }],
  ['gemma', { tied: true }],
  ['gemma2', { tied: true }],
  ['gemma3_text', { tied: true }],
  ['glm', { tied: false }],
  ['glm4', { tied: false }],
  ['gpt2', { tied: true, learned: true }],
  ['gpt_bigcode', { tied: true, learned: true }],
  ['gpt_neo', { tied: true, learned: true }],
  ['gpt_neox', { tied: false }],
  ['gptj', { tied: false }],
  ['granite', { tied: false }],
  ['granitemoehybrid', { tied: false }],
  ['helium', { tied: false }],
  ['hunyuan_v1_dense', { tied: false }],
  ['lfm2', { tied: true }],
  ['llama', { tied: false }],
  ['ministral', { tied: false }],
  ['ministral3', { tied: false }],
  ['mistral', { tied: false }],
  ['modernbert-decoder', { tied: true }],
  ['mpt', { tied: true }],
  ['nanochat', { tied: false }],
  ['nemotron', { tied: false }],
  ['olmo', { tied: false }],
  ['olmo2', { tied: false }],
  ['olmo3', { tied: false }],
  ['openai-gpt', { tied: true, learned: true }],
  ['opt', { tied: true, learned: true }],
  ['persimmon', { tied: false }],
  ['phi', { tied: false }],
  ['phi3', { tied: false }],
  ['qwen2', { tied: false }],
  ['qwen3', { tied: false }],
  ['seed_oss', { tied: false }],
  ['smollm3', { tied: true }],
  ['stablelm', { tied: false }],
  ['starcoder2', { tied: true }],
  ['vaultgemma', { tied: true }],
  ['xglm', { tied: true, learned: true }],
])

/** transformers' model_type of the decoders that are known by it alone. */
export const decoderTypes: readonly string[] = [...decoders.keys()]

/** Whether a model of this type attends to earlier tokens only. */
export const isDecoder = (model_type: string): boolean => decoders.has(model_type)

type Config = Readonly<Record<string, unknown>> & { model_type: string }

/** Encoders whose classes for causal language models see the whole text, too, unless `is_decoder` is set. */
const encoders =
  /^(bert|roberta|electra|camembert|xlm-roberta|xmod|ernie|rembert|roformer|big_bird|megatron-bert|data2vec-text)(-|$)/

/** Whether a model is causal, by its type or other fields of its configuration. */
export const isCausal = ({ model_type, is_decoder, architectures }: Config): boolean =>
  isDecoder(model_type) || is_decoder === true || (!encoders.test(model_type) && isOfCausalClass(architectures))

const isOfCausalClass = (architectures: unknown): boolean =>
  [architectures].flat().some((name) => /(ForCausalLM|LMHeadModel)$/.test(String(name)))

/** transformers' `tie_word_embeddings`: whether the language-model head shares the token embeddings' matrix. */
export const tiesEmbeddings = ({ tie_word_embeddings, model_type }: Config): boolean =>
  typeof tie_word_embeddings === 'boolean' ? tie_word_embeddings : (decoders.get(model_type)?.tied ?? false)

/** Whether a decoder of this type computes the same at positions that all begin later. */
export const hasRelativePositions = (model_type: string): boolean => {
  const decoder = decoders.get(model_type)
  return decoder !== undefined && !decoder.learned
}
