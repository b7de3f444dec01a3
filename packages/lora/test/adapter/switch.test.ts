import { float32, type Graph } from '@cola/graph'
import { type Batch, feedsOf, openSession, type OrtTensor } from '@cola/train'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  adapterTensors,
  gpt2,
  loadAdapter,
  lora,
  parseGpt2Config,
  randomGpt2,
  switchable,
  withAdapter,
} from '../../src/index.ts'
import { base, batch, linear, logits, adapterOf } from '../support/packed-gpt2.ts'

/** The graph with arrays as the values of its overridable inputs, which ONNX Runtime's JavaScript does not feed. */
function overridden(graph: Graph, feeds: Batch): Graph {
  const arrays = Object.entries(feeds).map(
    ([name, { data, dims }]) => [name, float32(dims, data as Float32Array)] as const,
  )
  return {
    ...graph,
    inputs: graph.inputs.filter((name) => !Object.hasOwn(feeds, name)),
    initializers: new Map([...graph.initializers, ...arrays]),
  }
}

describe('switchable', () => {
  const adapters = {
    first: adapterOf(1, { r: 2 }),
    second: adapterOf(2, { r: 5, lora_alpha: 3, target_modules: ['c_attn'] }),
  }

  let plain: Float32Array
  beforeAll(async () => {
    plain = await logits(base)
  })

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
    expect(() => switchable(base, { '': adapters.first })).toThrow(/switchable, adapters, a name: not a valid value/)
  })

  it.each(['required', 'overridable'] as const)(
    'computes with DoRA and with biases of B, %s inputs',
    async (inputs) => {
      const all = {
        ...adapters,
        dora: adapterOf(3, { r: 3, use_dora: true }),
        biased: adapterOf(4, { r: 2, lora_bias: true, target_modules: ['c_proj'] }),
        pissa: adapterOf(6, { r: 2, use_dora: true, init_lora_weights: 'pissa' }),
      }
      const model = switchable(base, all, { inputs })
      const run = (name?: keyof typeof all) =>
        inputs === 'required'
          ? logits(model, model.feeds(name))
          : logits({ graph: overridden(model.graph, model.feeds(name)) })
      for (const name of Object.keys(all) as (keyof typeof all)[]) {
        const expected = await logits(loadAdapter(base, all[name]))
        expect(await run(name), name).toBeAllclose(expected, { atol: 1e-5 })
        expect(Math.max(...expected.map((value, i) => Math.abs(value - (plain[i] as number))))).toBeGreaterThan(1e-3)
      }
      expect(await run()).toBeAllclose(plain, { atol: 1e-6 })
      if (inputs === 'overridable') return
      const own = Object.entries(model.feeds('dora')).filter(([name]) => name.startsWith('score.'))
      const headAlone = await logits(model, { ...model.feeds(), ...Object.fromEntries(own) })
      expect(await logits(model, model.feeds('dora', { scale: 0 }))).toBeAllclose(headAlone, { atol: 1e-6 })
    },
  )

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

  it('refuses other methods', () => {
    expect(() => switchable(base, {})).toThrow(/no adapters/)
    const { config, ...rest } = withAdapter(base, { peft_type: 'VERA', target_modules: ['c_attn'] })
    const vera = { config, tensors: adapterTensors({ config, ...rest }) }
    expect(() => switchable(base, { a: vera })).toThrow(/VeRA cannot be switched/)
  })
})
