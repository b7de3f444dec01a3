import { feedsOf, openSession, type OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { adapterTensors, gpt2, loadAdapter, lora, parseGpt2Config, randomGpt2, switchable } from '../../src/index.ts'
import { base, batch, linear, logits, adapterOf } from '../support/packed-gpt2.ts'

describe('switchable', () => {
  const adapters = {
    first: adapterOf(1, { r: 2 }),
    second: adapterOf(2, { r: 5, lora_alpha: 3, target_modules: ['c_attn'] }),
  }

  it('computes with each adapter, and with none, in one session', async () => {
    const model = switchable(base, adapters)
    expect([model.rank, model.adapters]).toEqual([5, ['first', 'second']])
    const session = await openSession({ graph: model.graph }, 'cpu')
    const run = async (adapter?: string, options?: { scale?: number }) => {
      const { feeds } = feedsOf(model.graph, model.graph.inputs, { ...batch, ...model.feeds(adapter, options) })
      return ((await session.run(feeds)).logits as OrtTensor).data as Float32Array
    }
    for (const name of ['first', 'second'] as const)
      expect(await run(name)).toBeAllclose(await logits(loadAdapter(base, adapters[name])), { atol: 1e-5 })
    expect(await run()).toBeAllclose(await logits(base), { atol: 1e-6 })
    await session.release()
    expect(() => model.feeds('third')).toThrow(/adapter "third": not one of this model, expected first, second/)
  })

  it('switches in less than 5 ms for as many matrices as GPT-2 has', () => {
    const deep = parseGpt2Config({
      model_type: 'gpt2',
      n_layer: 12,
      n_head: 12,
      n_embd: 768,
      n_positions: 16,
      vocab_size: 40,
    })
    const large = gpt2(deep, randomGpt2(deep))
    const own = lora(large, { task_type: 'SEQ_CLS', r: 4, target_modules: linear })
    const { feeds } = switchable(large, { a: { config: own.config, tensors: adapterTensors(own) } })
    feeds('a')
    const started = performance.now()
    for (let i = 0; i < 100; i++) feeds(i % 2 ? 'a' : undefined)
    // A bound a hundred times what it takes: what is shown is that nothing is computed.
    expect((performance.now() - started) / 100).toBeLessThan(5)
  })

  it('refuses what is no sum', () => {
    expect(() => switchable(base, {})).toThrow(/no adapters/)
    expect(() => switchable(base, { a: adapterOf(1, { use_dora: true }) })).toThrow(/DoRA/)
  })
})
