// Adapters that PEFT wrote (test/make-adapters.py), loaded, merged, written, switched and combined.

import { type Graph, type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { moved } from '../../../../tools/moved.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  adapterTensors,
  combineAdapters,
  loadAdapter,
  lora,
  type LoraConfig,
  type LoraModel,
  merge,
  onnxAdapter,
  switchable,
  unmerge,
  writeAdapter,
} from '../../src/index.ts'
import { models, expected, read, outputOf } from '../support/peft-adapters.ts'

const folder = temporaryFolders()
const cases = [
  ['bert', 'bare'],
  ['bert', 'bare-regex'],
  ['bert', 'bare-bias'],
  ['llama', 'suffix'],
  ['llama', 'embeddings'],
  ['llama', 'pissa'],
  ['llama', 'olora'],
  ['llama', 'bfloat16'],
] as const

describe.each(cases)('PEFT’s adapter %s %s', (name, variant) => {
  const adapter = read(name, variant)
  const right = (kind: string) => toFloat32(expected[name].get(`${variant}.${kind}`) as Tensor)

  it('computes what PEFT does, merged and not, and after being unmerged', async () => {
    const loaded = loadAdapter(models[name], adapter)
    expect(await outputOf(name, loaded)).toBeAllclose(right('output'), { atol: 2e-5 })
    expect(await outputOf(name, merge(loaded))).toBeAllclose(right('merged'), { atol: 2e-5 })
    expect(await outputOf(name, unmerge(merge(loaded)))).toBeAllclose(right('output'), { atol: 2e-5 })
  })

  it('is written back, and computes the same', async () => {
    const [loaded, out] = [loadAdapter(models[name], adapter), folder(`${name}-${variant}`)]
    writeAdapter(out, loaded)
    const again = readAdapter(out)
    expect([...again.tensors.keys()].sort()).toEqual([...adapter.tensors.keys()].sort())
    expect(again.config.task_type).toBe(adapter.config.task_type)
    expect(await outputOf(name, loadAdapter(models[name], again))).toBeAllclose(right('output'), { atol: 2e-5 })
  })
})

describe('beside each other', () => {
  const variants = ['suffix', 'embeddings', 'bfloat16'] as const
  const adapters = Object.fromEntries(variants.map((variant) => [variant, read('llama', variant)]))

  it('switch, norms, embeddings and heads too', async () => {
    const model = switchable(models.llama, adapters)
    for (const variant of variants)
      expect(await outputOf('llama', model, model.feeds(variant))).toBeAllclose(
        toFloat32(expected.llama.get(`${variant}.output`) as Tensor),
        { atol: 2e-5 },
      )
    expect(await outputOf('llama', model, model.feeds())).toBeAllclose(await outputOf('llama', models.llama), {
      atol: 1e-6,
    })
    const overridable = switchable(models.llama, adapters, { inputs: 'overridable' })
    const bytes = new TextDecoder('latin1').decode(onnxAdapter(overridable, 'embeddings'))
    for (const saved of ['model.embed_tokens.weight', 'model.norm.weight', 'score.weight'])
      expect(bytes).toContain(saved)
  })

  it('an adapter of the bare model switches with one that has the prefix', async () => {
    const of = (options: LoraConfig, seed: number) =>
      moved(lora(models.bert, { r: 2, modules_to_save: ['LayerNorm'], ...options }), seed)
    const bare = of({ target_modules: ['query', 'value'], task_type: 'FEATURE_EXTRACTION' }, 3)
    const prefixed = of({ target_modules: ['query', 'key'] }, 4)
    const adapter = (model: LoraModel) => ({ config: model.config, tensors: adapterTensors(model) })
    const model = switchable(models.bert, { bare: adapter(bare), prefixed: adapter(prefixed) })
    expect(await outputOf('bert', model, model.feeds('bare'))).toBeAllclose(await outputOf('bert', bare), {
      atol: 2e-5,
    })
    expect(await outputOf('bert', model, model.feeds('prefixed'))).toBeAllclose(await outputOf('bert', prefixed), {
      atol: 2e-5,
    })
  })

  it('combine: what one alone has is kept whole, what several have is one’s', async () => {
    const of = (options: LoraConfig, seed: number) => {
      const model = moved(lora(models.llama, { r: 2, target_modules: ['q_proj'], ...options }), seed)
      return { model, adapter: { config: model.config, tensors: adapterTensors(model) } }
    }
    const [first, second] = [of({ modules_to_save: ['model.norm'] }, 1), of({ modules_to_save: ['score'] }, 2)]
    const combined = combineAdapters([{ adapter: first.adapter, weight: 0.5 }, { adapter: second.adapter }], {
      combination_type: 'cat',
    })
    expect(combined.config.modules_to_save).toEqual(['model.norm', 'score'])
    const value = ({ graph }: { graph: Graph }, name: string) => toFloat32(graph.initializers.get(name) as Tensor)
    const merged = merge(loadAdapter(models.llama, combined))
    expect(value(merged, 'model.norm.weight')).toEqual(value(first.model, 'model.norm.weight'))
    expect(value(merged, 'score.weight')).toEqual(value(second.model, 'score.weight'))
    const both = [first, of({ modules_to_save: ['model.norm'] }, 3)].map(({ adapter }) => ({ adapter }))
    expect(() => combineAdapters(both)).toThrow(/base_model\.model\.model\.norm\.weight in adapters 0, 1.*option head/)
    expect(
      toFloat32(combineAdapters(both, { head: 1 }).tensors.get('base_model.model.model.norm.weight') as Tensor),
    ).toEqual(toFloat32(both[1]?.adapter.tensors.get('base_model.model.model.norm.weight') as Tensor))
  })
})
