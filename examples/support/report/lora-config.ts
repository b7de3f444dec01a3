// Experiment 1's adapter.

import type { AdapterConfig } from '@cola/lora'

/**
 * LoRA on all four projections, all LayerNorms and the head trainable: 0.63M of 125.03M parameters for GPT-2, 1.68M of
 * 356.40M for GPT-2 medium.
 */
export const reportLora = {
  task_type: 'SEQ_CLS',
  r: 4,
  lora_alpha: 4,
  lora_dropout: 0,
  target_modules: ['c_attn', 'c_proj', 'c_fc'],
  modules_to_save: ['ln_1', 'ln_2', 'ln_f', 'score'],
  fan_in_fan_out: true,
} as const satisfies AdapterConfig<'LORA'>
