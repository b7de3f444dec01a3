// Combined adapters against PEFT's add_weighted_adapter (test/make-combine.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySink } from '@cola/data'
import { type Tensor, toFloat32, parseSafetensors } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  type AdaptedModel,
  AdapterError,
  type CombinationType,
  combineAdapters,
  ConfigError,
  loadAdapter,
  type LoraConfig,
  merge,
  parseAdapterConfig,
  writeAdapter,
} from '../../src/index.ts'
import { base, adapterOf } from '../support/packed-gpt2.ts'

describe('combineAdapters', () => {
  const { tensors } = parseSafetensors(
    new Uint8Array(readFileSync(join(import.meta.dirname, '../fixtures/combine.safetensors'))),
  )
  const of = (name: string) =>
    new Map(
      [...tensors]
        .filter(([key]) => key.startsWith(`${name}:`))
        .map(([key, value]) => [key.slice(name.length + 1), value]),
    )
  const peft = parseAdapterConfig({ r: 3, lora_alpha: 6, target_modules: ['first', 'second'] })
  const list = [
    { adapter: { config: peft, tensors: of('a') }, weight: 0.7 },
    { adapter: { config: peft, tensors: of('b') }, weight: -0.4 },
  ]

  it.each([
    ['linear', {}],
    ['cat', {}],
    ['ties', { density: 0.6 }],
    ['ties', { density: 0.6, majority_sign_method: 'frequency' as const }],
    ['magnitude_prune', { density: 0.5 }],
  ] as [CombinationType, { density?: number; majority_sign_method?: 'frequency' }][])(
    '%s %j gives PEFT’s matrices',
    (combination_type, options) => {
      const combined = combineAdapters(list, { combination_type, ...options })
      const expected = of(options.majority_sign_method ? 'ties_frequency' : combination_type)
      expect([...combined.tensors.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [name, value] of expected) {
        expect(combined.tensors.get(name)?.dims).toEqual(value.dims)
        expect(toFloat32(combined.tensors.get(name) as Tensor)).toBeAllclose(toFloat32(value), { atol: 1e-6 })
      }
      expect(combined.config.lora_alpha / combined.config.r).toBe(1)
    },
  )

  it('svd gives PEFT’s product', () => {
    const product = (matrices: ReadonlyMap<string, Tensor>, module: string): number[] => {
      const [A, B] = ['A', 'B'].map(
        (name) => matrices.get(`base_model.model.${module}.lora_${name}.weight`) as Tensor,
      ) as [Tensor, Tensor]
      const [a, b] = [toFloat32(A), toFloat32(B)]
      const [r, inputs] = A.dims as [number, number]
      return Array.from({ length: b.length / r }, (_, o) =>
        Array.from({ length: inputs }, (_, i) =>
          Array.from({ length: r }, (_, k) => (b[o * r + k] as number) * (a[k * inputs + i] as number)).reduce(
            (x, y) => x + y,
          ),
        ),
      ).flat()
    }
    const combined = combineAdapters(list, { combination_type: 'svd', svd_rank: 2 })
    for (const module of ['first', 'second'])
      expect(product(combined.tensors, module)).toBeAllclose(product(of('svd'), module), { atol: 1e-5 })
  })

  it('dare keeps a share of the values, grown so that their mean stays, and repeats', () => {
    const options = { combination_type: 'dare_linear' as const, density: 0.5, seed: 4 }
    const [one, again] = [combineAdapters(list, options), combineAdapters(list, options)]
    for (const [name, value] of one.tensors)
      expect(toFloat32(again.tensors.get(name) as Tensor)).toEqual(toFloat32(value))
    const zeros = [...one.tensors.values()].flatMap((value) => [...toFloat32(value)]).filter((x) => x === 0).length
    expect(zeros).toBeGreaterThan(5)
  })

  it('what cat makes computes the weighted sum, and loads', async () => {
    const [first, second] = [adapterOf(1, { r: 2 }), adapterOf(2, { r: 3, target_modules: ['c_attn'] })]
    const combined = combineAdapters([{ adapter: first, weight: 0.5 }, { adapter: second }], {
      combination_type: 'cat',
      head: 0,
    })
    const model = loadAdapter(base, combined)
    const delta = (m: AdaptedModel) =>
      toFloat32(merge(m).graph.initializers.get('transformer.h.0.attn.c_attn.weight') as Tensor)
    const [w, a, b] = [
      toFloat32(base.graph.initializers.get('transformer.h.0.attn.c_attn.weight') as Tensor),
      delta(loadAdapter(base, first)),
      delta(loadAdapter(base, second)),
    ]
    expect(delta(model)).toBeAllclose(
      w.map((x, i) => x + 0.5 * ((a[i] as number) - x) + ((b[i] as number) - x)),
      { atol: 1e-6 },
    )
  })

  it.each<[LoraConfig, LoraConfig]>([
    [{ layers_to_transform: [0] }, { layers_to_transform: [1] }],
    [{ exclude_modules: ['h.1.attn.c_attn'] }, {}],
    [{ target_modules: ['c_fc'] }, { target_modules: ['c_attn'], layers_to_transform: 1 }],
    [{ target_modules: ['c_attn', 'c_fc'], exclude_modules: ['c_fc'] }, { target_modules: '.*h[.]0.attn.c_attn' }],
  ])('adapters of other modules, %j and %j, load as their sum', (first, second) => {
    const list = [first, second].map((one, i) => ({
      adapter: adapterOf(i, { r: 2, target_modules: ['c_attn'], ...one }),
    }))
    const sink = memorySink()
    writeAdapter(sink, combineAdapters(list, { combination_type: 'cat', head: 0 }))
    const combined = loadAdapter(base, readAdapter(sink))
    const parts = list.map(({ adapter }) => loadAdapter(base, adapter))
    const modules = new Set(parts.flatMap(({ targets }) => targets.map(({ module }) => module)))
    expect(new Set(combined.targets.map(({ module }) => module))).toEqual(modules)
    for (const module of modules) {
      const matrix = (m: AdaptedModel) => toFloat32(merge(m).graph.initializers.get(`${module}.weight`) as Tensor)
      const plain = toFloat32(base.graph.initializers.get(`${module}.weight`) as Tensor)
      const [a, b] = parts.map(matrix) as [Float32Array, Float32Array]
      expect(matrix(combined)).toBeAllclose(
        a.map((x, i) => x + (b[i] as number) - (plain[i] as number)),
        { atol: 1e-6 },
      )
    }
  })

  it('is written as it is, without its base, and read again', () => {
    const [first, second] = [adapterOf(1, { r: 2 }), adapterOf(2, { r: 2 })]
    const combined = combineAdapters([{ adapter: first }, { adapter: second, weight: 0.5 }], { head: 1 })
    const out = memorySink()
    writeAdapter(out, combined, { baseModel: 'openai-community/gpt2' })
    const read = readAdapter(out)
    expect(read.config).toMatchObject({ ...combined.config, base_model_name_or_path: 'openai-community/gpt2' })
    expect(read.head).toEqual(combined.head)
    expect([...read.tensors.keys()].sort()).toEqual([...combined.tensors.keys()].sort())
    for (const [name, value] of combined.tensors)
      expect(toFloat32(read.tensors.get(name) as Tensor)).toEqual(toFloat32(value))
  })

  it.each([undefined, null, base, {}])('what is no adapter is not written: %#', (trained) => {
    expect(() => writeAdapter(memorySink(), trained as never)).toThrow(ConfigError)
  })

  it('refuses ranks that differ, clashing heads and nothing', () => {
    const [first, second] = [adapterOf(1, { r: 2 }), adapterOf(2, { r: 3 })]
    expect(() => combineAdapters([{ adapter: first }, { adapter: second }], { head: 0 })).toThrow(
      /the ranks differ, expected 2, found 3/,
    )
    expect(() => combineAdapters([{ adapter: first }, { adapter: first }])).toThrow(/several adapters have a head/)
    expect(() => combineAdapters([])).toThrow(AdapterError)
    const { config, tensors } = first
    const halves = [undefined, { tensors }, { config }, { config: {}, tensors }, { config: null, tensors }].map(
      (adapter) => ({ adapter }),
    )
    for (const one of [...halves, first, null])
      expect(() => combineAdapters([{ adapter: second }, one] as never)).toThrow(
        /^combineAdapters, adapters\[1\], adapter: not a valid value, expected what openAdapter gives/,
      )
  })
})
