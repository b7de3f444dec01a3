// The table of transformers' heads is held against transformers' classes: fixtures/heads/types.json has the layers by
// which make-heads.py computed the logits of each class.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, openBase, transformersHead, withHead } from '../../src/index.ts'
import { baseOf } from '../support/peft-heads.ts'

interface Found {
  module: string
  activation: string
  norm?: string
  name: string
}

const types = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/heads/types.json'), 'utf8')) as Record<
  string,
  Found
>

describe('transformersHead', () => {
  it.each(Object.entries(types))('is that of the class for %s', (model_type, { name, module, activation, norm }) => {
    // The logits of EuroBERT's class were computed by its first token; the test below has its other poolings.
    const head = transformersHead({ model_type, ...(model_type === 'eurobert' ? { classifier_pooling: 'bos' } : {}) })
    expect(head).toMatchObject({ name, bias: true, pooling: 'first' })
    expect(head?.layers).toMatchObject([{ module, activation, ...(norm ? { norm: { module: norm } } : {}) }])
  })

  it('follows the fields that decide it', () => {
    const deberta = transformersHead({ model_type: 'deberta-v2', pooler_hidden_act: 'relu' })
    expect(deberta?.layers[0]?.activation).toBe('relu')
    const modern = { model_type: 'modernbert', classifier_bias: true, norm_bias: true, norm_eps: 1e-3 }
    const head = transformersHead({ ...modern, classifier_activation: 'silu', classifier_pooling: 'mean' })
    const norm = { module: 'head.norm', epsilon: 1e-3, bias: true }
    expect(head?.layers).toEqual([{ module: 'head.dense', bias: true, activation: 'silu', norm }])
    expect(head?.pooling).toBe('mean')
    const euro = (field: object) => transformersHead({ model_type: 'eurobert', ...field })
    const dense = { module: 'dense', activation: 'gelu' }
    for (const field of [{}, { classifier_pooling: 'late' }])
      expect(euro(field)).toMatchObject({ pooling: 'mean', layers: [{ ...dense, before_pooling: true }] })
    const mean = euro({ classifier_pooling: 'mean' })
    expect([mean?.pooling, mean?.layers]).toEqual(['mean', [dense]])
    expect(transformersHead({ model_type: 'mobilebert', classifier_activation: false })?.layers).toEqual([])
    expect(transformersHead({ model_type: 'modernbert' }, 'TOKEN_CLS')?.pooling).toBe('none')
  })

  it('is undefined for a linear layer, and refuses an activation that it does not know', () => {
    expect(transformersHead({ model_type: 'llama' })).toBeUndefined()
    expect(transformersHead({ model_type: 'roberta' }, 'TOKEN_CLS')).toBeUndefined()
    const unknown = () => transformersHead({ model_type: 'roformer', hidden_act: 'mish' })
    expect(unknown).toThrow(ConfigError)
    expect(unknown).toThrow(/field "hidden_act".*gelu.*mish/s)
    const pooled = () => transformersHead({ model_type: 'eurobert', classifier_pooling: 'cls' })
    expect(pooled).toThrow(/field "classifier_pooling".*bos, late, mean.*cls/s)
  })
})

describe('layers of a head', () => {
  const dense = { module: 'dense', activation: 'gelu' } as const
  const early = { ...dense, module: 'early', before_pooling: true } as const
  const headed = async (layers: object[]) => {
    const states = (await openBase(baseOf('eurobert'))).hiddenStates()
    return withHead(states, { num_labels: 2, name: 'score', pooling: 'mean', layers } as never)
  }

  it('come before the pooling, and after it', async () => {
    expect((await headed([early, dense])).head?.layers).toEqual([early, dense])
  })

  it('are refused in an order in which they are not computed, and with fields of another kind', async () => {
    for (const layers of [[dense, early], [{ ...dense, before_pooling: 'yes' }], [{ ...dense, bias: 1 }]])
      await expect(headed(layers)).rejects.toThrow(/withHead, option layers: .*before_pooling first/s)
  })
})
