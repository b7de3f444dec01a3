// What LoRA targets where a configuration does not say: PEFT 0.21's
// TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING, for models of text.

import type { Graph } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import type { LoraConfigJson } from '../schema.ts'
import type { AdaptableLayer } from './inspect.ts'

const llama = ['q_proj', 'v_proj']
const bert = ['query', 'value']

const defaultTargets: ReadonlyMap<string, string | readonly string[]> = new Map<string, string | readonly string[]>([
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

/**
 * The configuration with its targets: those it names, else PEFT's for the model's type, which the graph's metadata
 * say (`model_type`).
 * @throws {ConfigError} for a type that has none, listing the linear layers.
 */
export function withTargets(
  config: LoraConfigJson,
  { metadata }: Graph,
  layers: readonly AdaptableLayer[],
): LoraConfigJson {
  if (config.target_modules !== null && config.target_modules !== undefined) return config
  const { model_type: type } = metadata
  const targets = defaultTargets.get(type ?? '')
  if (targets !== undefined) return { ...config, target_modules: typeof targets === 'string' ? targets : [...targets] }
  const linear = layers.filter(({ kind }) => kind === 'linear').map(({ module }) => module.split('.').at(-1) as string)
  throw new ConfigError({
    where: 'LoraConfig, field "target_modules"',
    what:
      type === undefined
        ? 'not given, and the model does not say its type'
        : `not given, and PEFT has no default for "${type}"`,
    expected: `some of ${[...new Set(linear)].slice(0, 16).join(', ')}`,
    found: 'none',
    fix: "Name the layers with target_modules; 'all-linear' takes all but the head.",
  })
}
