import { float32, type Graph } from '@cola/graph'
import { openSession, OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { moved } from '../../../../tools/moved.ts'
import {
  adapterStatus,
  adapterTensors,
  countParameters,
  gpt2,
  loadAdapter,
  lora,
  type LoraConfig,
  type LoraModel,
  merge,
  parseGpt2Config,
  randomGpt2,
  switchable,
  withParameters,
} from '../../src/index.ts'

describe('a language model whose head shares the embeddings', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 1,
    n_head: 2,
    n_embd: 8,
    n_positions: 16,
    vocab_size: 40,
  })
  const language = gpt2(config, randomGpt2(config, { head: 'language-model', seed: 3 }), { head: 'language-model' })
  const tuned = (options: LoraConfig): LoraModel =>
    moved(lora(language, { r: 2, target_modules: ['c_attn'], task_type: 'CAUSAL_LM', ...options }), 2)
  const run = async (
    model: { graph: Graph },
    further: Record<string, { data: unknown; dims: readonly number[] }> = {},
  ) => {
    const session = await openSession({ graph: model.graph }, 'cpu')
    const ints = (data: number[]) => new OrtTensor('int32', Int32Array.from(data), [1, 4])
    const own = { input_ids: ints([4, 5, 6, 7]), position_ids: ints([0, 1, 2, 3]), segment_ids: ints([1, 1, 1, 1]) }
    const others = Object.entries(further).map(
      ([name, { data, dims }]) => [name, new OrtTensor('float32', data as Float32Array, dims)] as const,
    )
    const all = { ...own, ...Object.fromEntries(others) }
    const results = await session.run(
      Object.fromEntries(model.graph.inputs.map((name) => [name, all[name as 'input_ids']])),
    )
    await session.release()
    return (results.logits as OrtTensor).data as Float32Array
  }

  it.each([
    ['the embedding', { modules_to_save: ['wte'] }],
    ['the head', { modules_to_save: ['lm_head'] }],
    ['both apart', { modules_to_save: ['wte', 'lm_head'] }],
    ['both as one', { modules_to_save: ['lm_head'], ensure_weight_tying: true }],
    ['LoRA on the head', { target_modules: ['lm_head'] }],
    ['LoRA on both', { target_modules: ['lm_head', 'wte'] }],
  ] as [string, LoraConfig][])('has %s trained, merged, switched and loaded alike', async (_, options) => {
    const model = tuned(options)
    const right = await run(model)
    expect(right).not.toBeAllclose(await run(language), { atol: 1e-2 })
    expect(await run(merge(model))).toBeAllclose(right, { atol: 1e-5 })
    const adapter = { config: model.config, tensors: adapterTensors(model) }
    expect(await run(loadAdapter(language, adapter))).toBeAllclose(right, { atol: 1e-6 })
    const other = tuned({})
    const both = switchable(language, { adapter, other: { config: other.config, tensors: adapterTensors(other) } })
    expect(await run(both, both.feeds('adapter'))).toBeAllclose(right, { atol: 1e-5 })
    expect(await run(both, both.feeds('other'))).toBeAllclose(await run(other), { atol: 1e-5 })
  })

  it('refuses LoRA on both as one', () => {
    expect(() => lora(language, { target_modules: ['wte'], ensure_weight_tying: true })).toThrow(/ensure_weight_tying/)
  })

  it('counts a parted head, and says which layers do something', () => {
    const count = (options: LoraConfig) =>
      countParameters(lora(language, { r: 2, target_modules: ['c_attn'], ...options }))
    expect(count({ modules_to_save: ['lm_head'] }).total - count({}).total).toBe(40 * 8)
    const active = (options: LoraConfig) =>
      adapterStatus(lora(language, { r: 2, target_modules: ['wte', 'c_attn'], ...options })).map((row) => row.active)
    expect(active({})).toEqual([false, false])
    const dora = lora(language, { r: 2, target_modules: ['c_attn'], use_dora: true })
    expect(adapterStatus(dora)[0]?.active).toBe(false)
    const magnitudes = [...dora.trainable].find((name) => name.includes('magnitude')) as string
    const longer = withParameters(dora, new Map([[magnitudes, float32([24], new Float32Array(24).fill(2))]]))
    expect(adapterStatus(longer)[0]?.active).toBe(true)
  })
})
