// Which models read a text from left to right.

/** transformers' model_type of decoders: their last token has seen the whole text. */
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
