import { describe, expect, it } from 'vitest'
import {
  combineAdapters,
  gpt2,
  loadAdapter,
  lora,
  type LoraConfig,
  parseGpt2Config,
  randomGpt2,
} from '../../src/index.ts'
import { adapterTensors } from '../../src/adapter/files.ts'

describe('warnings of what matches nothing', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 2,
    n_head: 2,
    n_embd: 8,
    n_positions: 8,
    vocab_size: 11,
    pad_token_id: 0,
  })
  const base = gpt2(config, randomGpt2(config))
  const given: LoraConfig = { task_type: 'SEQ_CLS', r: 2, target_modules: ['c_attn', 'c_proj'], fan_in_fan_out: true }

  it('come with the model that lora and loadAdapter return, and with the adapter that combineAdapters does', () => {
    expect(lora(base, given).warnings).toEqual([])
    const model = lora(base, { ...given, rank_pattern: { c_atn: 4 }, exclude_modules: ['h.1.mlp.c_proj', 'h.5'] })
    const warnings = [
      'exclude_modules: "h.5" excludes no module',
      'rank_pattern: "c_atn" matches no target and is ignored',
    ]
    expect(model.warnings).toEqual(warnings)
    const adapter = { config: model.config, tensors: adapterTensors(model) }
    expect(loadAdapter(base, adapter).warnings).toEqual(warnings)
    expect(combineAdapters([{ adapter: loaded() }, { adapter }], { head: 0 }).warnings).toEqual([
      `adapter 1: ${warnings[1]}`,
    ])
  })

  const loaded = () => {
    const model = lora(base, given)
    return { config: model.config, tensors: adapterTensors(model) }
  }
})
