// What LoRA, and methods like it, target where a configuration does not say: PEFT 0.21's
// TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING, for models of text.

import type { Names } from './method.ts'

const llama = ['q_proj', 'v_proj']
const bert = ['query', 'value']

/** LoRA's targets, by `model_type`. */
export const attentionModules: ReadonlyMap<string, Names> = new Map<string, Names>([
  ...['bart', 'gemma', 'gemma2', 'gemma3_text', 'gpt_neo', 'gptj', 'llama', 'llama4', 'mistral', 'mixtral', 'opt'].map(
    (type) => [type, llama] as const,
  ),
  ...['qwen2', 'qwen3', 'stablelm'].map((type) => [type, llama] as const),
  ...['bert', 'electra', 'layoutlm', 'roberta', 'xlm-roberta'].map((type) => [type, bert] as const),
  ...['bloom', 'chatglm', 'falcon', 'gpt_neox', 'RefinedWeb', 'RefinedWebModel'].map(
    (type) => [type, ['query_key_value']] as const,
  ),
  ...['gpt2', 'gpt_bigcode'].map((type) => [type, ['c_attn']] as const),
  ...['mt5', 't5'].map((type) => [type, ['q', 'v']] as const),
  ['btlm', ['c_proj', 'c_attn']],
  ['codegen', ['qkv_proj']],
  ['deberta', ['in_proj']],
  ['deberta-v2', ['query_proj', 'value_proj']],
  ['gemma4', String.raw`.*language_model\..*\.(q_proj|v_proj)`],
  ['mpt', ['Wqkv']],
  ['nemotron_h', ['q_proj', 'k_proj', 'v_proj', 'o_proj']],
  ['phi', ['q_proj', 'v_proj', 'fc1', 'fc2']],
  ['rwkv', ['key', 'value', 'receptance', 'output']],
  ['rwkv7', ['r_proj', 'k_proj', 'v_proj', 'o_proj', 'key', 'value']],
])
