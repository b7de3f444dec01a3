import { toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { adam, adamw, crossEntropy, generateArtifacts, sgd } from '../../src/index.ts'
import { bad, refuses } from '../support/refuses.ts'
import { tinyModel } from '../support/tiny.ts'

describe.each([
  ['adam', adam],
  ['adamw', adamw],
  ['sgd', sgd],
] as const)('%s', (name, make) => {
  it.each(['weight_decay', 'max_grad_norm'])('refuses an invalid %s', (option) => {
    refuses(`${name}, option ${option}`, (value) => make({ [option]: value }), bad)
  })
  it('refuses invalid groups and unknown options', () => {
    const group = (options: object) => make({ groups: [{ params: ['w'], ...options }] } as never)
    refuses(`${name}, option groups\\[0\\], option lr_scale`, (value) => group({ lr_scale: value }), bad)
    refuses(`${name}, option groups\\[0\\], option weight_decay`, (value) => group({ weight_decay: value }), bad)
    refuses(`${name}, option groups\\[0\\], option params`, (value) => group({ params: value }), ['w', [1], 3])
    expect(() => make({ groups: [{}] } as never)).toThrow(/groups\[0\]: it names no parameters/)
    expect(() => make({ lr: 0.1 } as never)).toThrow(/option lr: no such option\. The rate is given with each step/)
  })
  it('treats undefined as not set', () => {
    const options = { weight_decay: undefined, max_grad_norm: undefined, groups: undefined } as never
    expect(make(options).chain.length).toBe(make().chain.length)
  })
})

it('Adam refuses betas out of [0, 1) and a negative eps; SGD a negative momentum, and Nesterov without one', () => {
  refuses('option betas', (betas) => adam({ betas }), [
    [0.9],
    [0.9, 1],
    [Number.NaN, 0.9],
    [-0.1, 0.9],
    0.9,
    [0.9, 0.99, 0.999],
  ])
  refuses('option eps', (eps) => adamw({ eps }), bad)
  refuses('option momentum', (momentum) => sgd({ momentum }), bad)
  refuses('option nesterov', (nesterov) => sgd({ momentum: 0.9, nesterov }), [1, 'yes'])
  expect(() => sgd({ nesterov: true })).toThrow(/nesterov: it has no effect without momentum/)
  expect(() => adam({ betas: [0, 0], eps: 0, weight_decay: 0, max_grad_norm: 0 })).not.toThrow()
})

it('a group matches its parameters by a global pattern, which keeps no state', () => {
  const of = (params: RegExp) =>
    generateArtifacts(tinyModel(), { loss: crossEntropy(), optimizer: sgd({ groups: [{ params, lr_scale: 2 }] }) })
  const factors = ({ optimizerModel }: ReturnType<typeof of>) =>
    [...optimizerModel.initializers].flatMap(([name, data]) =>
      name.endsWith('.factors') ? [[...new Set(toFloat32(data))]] : [],
    )
  expect(factors(of(/w/))).toEqual([[2, 1]])
  expect(factors(of(/w|b/g))).toEqual(factors(of(/w|b/)))
  expect(factors(of(/w/g))).toEqual(factors(of(/w/)))
})
