// The initializers of init_lora_weights.

import { type Model, type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { temporaryFolders } from '../../../../../tools/test-folders.ts'
import { moved } from '../../../../../tools/moved.ts'
import { readAdapter } from '../../../src/adapter/files.ts'
import {
  type Adapter,
  adapterTensors,
  combineAdapters,
  ConfigError,
  loadAdapter,
  lora,
  merge,
  parseAdapterConfig,
  switchable,
  unmerge,
  writeAdapter,
} from '../../../src/index.ts'
import { base, linear, logits } from '../../support/packed-gpt2.ts'

const folder = temporaryFolders()
const inits: (boolean | string)[] = [true, 'gaussian', 'pissa', 'pissa_niter_4', 'olora', 'orthogonal']

describe('initializers', () => {
  it.each(inits)(
    '%s: the model computes what it did, trains, and is saved as an adapter of the unchanged base',
    async (init_lora_weights) => {
      const start = lora(
        base,
        { task_type: 'SEQ_CLS', r: 4, lora_alpha: 6, target_modules: linear, init_lora_weights },
        { seed: 3 },
      )
      expect(await logits(start)).toBeAllclose(await logits(base), { atol: 2e-5 })
      const [A, B] = ['A', 'B'].map(
        (name) =>
          start.graph.initializers.get(`base_model.model.transformer.h.0.attn.c_attn.lora_${name}.weight`) as Tensor,
      ) as [Tensor, Tensor]
      expect(toFloat32(A).some((x) => x !== 0)).toBe(true)
      expect(toFloat32(B).some((x) => x !== 0)).toBe(!(init_lora_weights === true || init_lora_weights === 'gaussian'))
      const after = moved(start, 1)
      const out = folder(String(init_lora_weights))
      writeAdapter(out, after)
      expect(await logits(loadAdapter(base, readAdapter(out)))).toBeAllclose(await logits(after), { atol: 2e-5 })
      expect(await logits(merge(after))).toBeAllclose(await logits(after), { atol: 2e-5 })
      expect(await logits(unmerge(merge(after)))).toBeAllclose(await logits(after), { atol: 2e-5 })
    },
  )

  /** The Frobenius norm of a matrix of the base, and of what an initialization leaves of it. */
  const size = ({ initializers }: Model['graph']) =>
    Math.hypot(...toFloat32(initializers.get('transformer.h.0.mlp.c_fc.weight') as Tensor))
  const residual = (init: string) =>
    size(lora(base, { r: 4, lora_alpha: 4, target_modules: ['c_fc'], init_lora_weights: init }).base)

  it('pissa takes the greatest singular values: what is left is smaller than after any other start', () => {
    expect(residual('pissa')).toBeLessThan(residual('olora'))
    expect(residual('olora')).toBeLessThan(size(base.graph))
  })

  it('pissa_niter_N comes nearer to the greatest singular values with each iteration', () => {
    const left = ['pissa_niter_0', 'pissa_niter_1', 'pissa_niter_4', 'pissa'].map(residual)
    expect(left).toEqual(left.toSorted((a, b) => b - a))
    expect(new Set(left).size).toBe(4)
    expect(residual('pissa_niter_300') / residual('pissa')).toBeCloseTo(1, 6)
  })

  it.each(['pissa', 'olora'])('%s: switched, it is what it is loaded; combined, it is refused', async (init) => {
    const config = { task_type: 'SEQ_CLS', r: 4, lora_alpha: 6, target_modules: ['c_attn', 'wte'] }
    const adapter = { config: parseAdapterConfig({ ...config, init_lora_weights: init }) as Adapter<'LORA'>['config'] }
    const own = moved(lora(base, adapter.config, { seed: 3 }), 1)
    const raw = { ...adapter, tensors: adapterTensors(own) }
    const right = await logits(loadAdapter(base, raw))
    const switched = switchable(base, { raw })
    expect(await logits(switched, switched.feeds('raw'))).toBeAllclose(right, { atol: 2e-5 })
    expect(() => combineAdapters([{ adapter: raw }])).toThrow(/began with a part of the base matrices/)
    const out = folder(`plain-${init}`)
    writeAdapter(out, own)
    const plain = combineAdapters([{ adapter: readAdapter(out) as Adapter<'LORA'> }], { combination_type: 'cat' })
    expect(await logits(loadAdapter(base, plain))).toBeAllclose(right, { atol: 2e-5 })
  })

  it('names what is not known, and odd ranks where they must be even', () => {
    expect(() => lora(base, { target_modules: linear, init_lora_weights: 'loftq' })).toThrow(/init_lora_weights.*loftq/)
    expect(() => lora(base, { r: 3, target_modules: linear, init_lora_weights: 'orthogonal' })).toThrow(ConfigError)
  })
})
