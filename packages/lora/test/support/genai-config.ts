// What onnxruntime-genai's builder writes beside a decoder.

import { join } from 'node:path'
import { decoders, parsed, read } from './decoder-files.ts'

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
