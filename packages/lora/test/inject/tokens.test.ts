// Adapters of embeddings, and trained rows of embeddings.

import { type Model, type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { moved } from '../../../../tools/moved.ts'
import { combineAdapters, gpt2, inspect, loadAdapter, lora, merge, randomGpt2, switchable } from '../../src/index.ts'
import { config, base, linear, logits, adapterOf } from '../support/packed-gpt2.ts'

describe('embeddings and tokens', () => {
  it('are named where they cannot be what the configuration wants', () => {
    const where = /field "trainable_token_indices"/
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: [3, 40] })).toThrow(where)
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: [3, 3] })).toThrow(
      /distinct whole numbers from 0 to 39, found 3/,
    )
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: [] })).toThrow(/found none/)
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: { embed_tokens: [1] } })).toThrow(
      /expected transformer.wte, transformer.wpe, found embed_tokens/,
    )
    expect(() => lora(base, { target_modules: ['wte'], trainable_token_indices: [1] })).toThrow(
      /Name it in one of the fields only/,
    )
    expect(() => lora(base, { target_modules: ['wte'], use_dora: true })).toThrow(
      /field "use_dora", module "transformer.wte": not supported for an embedding/,
    )
  })

  it('are no part of all-linear, nor is a head that shares their matrix', () => {
    const language = gpt2(config, randomGpt2(config, { head: 'language-model' }), { head: 'language-model' })
    expect(inspect(language).map(({ kind, module }) => [kind, module.replace(/h\.\d/, 'h.N')])).toEqual(
      expect.arrayContaining([
        ['embedding', 'transformer.wte'],
        ['linear', 'transformer.h.N.attn.c_attn'],
        ['linear', 'lm_head'],
      ]),
    )
    const modules = lora(language, { target_modules: 'all-linear' }).targets.map(({ module }) => module)
    expect(modules.filter((module) => /wte|wpe|lm_head/.test(module))).toEqual([])
    expect(modules).toHaveLength(8)
  })

  it('trained tokens leave all other rows as they were', () => {
    const model = moved(lora(base, { target_modules: ['c_attn'], trainable_token_indices: [4, 9] }), 1)
    const [before, after] = [base, merge(model)].map(({ graph }) =>
      toFloat32(graph.initializers.get('transformer.wte.weight') as Tensor),
    ) as [Float32Array, Float32Array]
    const changed = Array.from({ length: 40 }, (_, row) => row).filter((row) =>
      before.slice(16 * row, 16 * row + 16).some((x, i) => x !== after[16 * row + i]),
    )
    expect(changed).toEqual([4, 9])
  })

  it('an embedding’s adapter switches and combines as others do; trained tokens do neither', async () => {
    const [first, second] = [
      adapterOf(1, { r: 2, target_modules: ['wte', 'c_fc'] }),
      adapterOf(2, { r: 3, target_modules: ['wte'] }),
    ]
    const model = switchable(base, { first, second })
    for (const [name, adapter] of Object.entries({ first, second }))
      expect(await logits(model, model.feeds(name))).toBeAllclose(await logits(loadAdapter(base, adapter)), {
        atol: 1e-5,
      })
    const combined = merge(
      loadAdapter(
        base,
        combineAdapters([{ adapter: first, weight: 0.5 }, { adapter: second }], { combination_type: 'cat', head: 0 }),
      ),
    )
    const rows = (graph: Model['graph']) => toFloat32(graph.initializers.get('transformer.wte.weight') as Tensor)
    const [w, a, b] = [
      rows(base.graph),
      ...[first, second].map((adapter) => rows(merge(loadAdapter(base, adapter)).graph)),
    ] as [Float32Array, Float32Array, Float32Array]
    expect(rows(combined.graph)).toBeAllclose(
      w.map((x, i) => x + 0.5 * ((a[i] as number) - x) + ((b[i] as number) - x)),
      { atol: 1e-5 },
    )
    const tokens = adapterOf(3, { trainable_token_indices: [1] })
    expect(() => switchable(base, { tokens })).toThrow(/trained tokens cannot be switched/)
    expect(() => combineAdapters([{ adapter: tokens }])).toThrow(/no trained tokens/)
  })
})
