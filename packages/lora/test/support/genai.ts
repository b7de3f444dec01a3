// onnxruntime-genai on what exports wrote: its Python package, of this machine or of the registry.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pythonWith } from '../../../../tools/python.ts'
import { decoders, parsed, read } from './decoder-files.ts'

const { python, missing } = await pythonWith('genai', ['onnxruntime_genai', 'onnxruntime'], () => [
  'onnxruntime-genai==0.18.0',
  'onnxruntime==1.32.0',
])
if (missing !== undefined) console.warn(`onnxruntime-genai: skipped, ${missing}`)
export const hasGenai = missing === undefined

export interface GenaiRun {
  readonly folder: string
  readonly prompt: readonly number[]
  readonly count: number
  readonly adapter?: string
}

interface Answers {
  readonly tokens: number[][]
  readonly adapters: Record<string, { shape: number[]; values: number[] }>[]
}

/** Greedy tokens of runs, and what onnxruntime reads in files of adapters. */
export function genai(task: { runs?: readonly GenaiRun[]; adapters?: readonly string[] }): Answers {
  const script = join(import.meta.dirname, '../generate-with-genai.py')
  const { status, stdout, stderr } = spawnSync(python, [script], { input: JSON.stringify(task), encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout.slice(stdout.indexOf('{'))) as Answers
}

interface Config {
  readonly model_type: string
  readonly vocab_size: number
  readonly hidden_size: number
  readonly head_dim?: number
  readonly max_position_embeddings: number
  readonly num_attention_heads: number
  readonly num_hidden_layers: number
  readonly num_key_value_heads: number
  readonly sliding_window?: number | null
  readonly layer_types?: readonly string[]
  readonly bos_token_id: number
  readonly eos_token_id: number
  readonly pad_token_id: number
}

/** genai_config.json of a case, as the builder writes it. */
export function genaiConfig(name: string) {
  const config = parsed(read(join(decoders, name, 'config.json'))) as unknown as Config
  const { hidden_size, num_attention_heads, num_hidden_layers, num_key_value_heads } = config
  const { bos_token_id, eos_token_id, pad_token_id, vocab_size, max_position_embeddings: max_length } = config
  const layers = (config.layer_types ?? []).flatMap((type, layer) => (type === 'sliding_attention' ? [layer] : []))
  const window = { window_size: config.sliding_window, slide_key_value_cache: false, slide_inputs: false, layers }
  return {
    model: {
      ...{ bos_token_id, eos_token_id, pad_token_id, vocab_size, context_length: max_length, type: config.model_type },
      decoder: {
        session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
        filename: 'model.onnx',
        head_size: config.head_dim ?? hidden_size / num_attention_heads,
        ...{ hidden_size, num_attention_heads, num_hidden_layers, num_key_value_heads },
        inputs: {
          input_ids: 'input_ids',
          attention_mask: 'attention_mask',
          past_key_names: 'past_key_values.%d.key',
          past_value_names: 'past_key_values.%d.value',
        },
        outputs: {
          logits: 'logits',
          present_key_names: 'present.%d.key',
          present_value_names: 'present.%d.value',
        },
        ...(layers.length > 0 ? { sliding_window: { ...window, cache_slack: 0 } } : {}),
      },
    },
    search: { do_sample: false, max_length, past_present_share_buffer: true },
  }
}
