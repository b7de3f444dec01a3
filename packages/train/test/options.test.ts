// Every option is refused where it is given: unknown, no number, or out of its range.

import { toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  addWeightDecay,
  adam,
  adamw,
  clipByGlobalNorm,
  ConfigError,
  crossEntropy,
  scaleByAdam,
  schedule,
  sgd,
  trace,
  TrainingSession,
  generateArtifacts,
} from '../src/index.ts'
import { artifactsOf, tinyModel } from './tiny.ts'

const bad = [Number.NaN, Number.POSITIVE_INFINITY, -0.1, '0.1', null]

/** Runs each and expects a refusal that names the option. */
function refuses(name: string, make: (value: never) => unknown, values: readonly unknown[]): void {
  for (const value of values) {
    expect(() => make(value as never), `${name} = ${String(value)}`).toThrow(ConfigError)
    expect(() => make(value as never)).toThrow(new RegExp(`${name}.*expected .*, found`))
  }
}

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
    expect(() => make({ lr: 0.1 } as never)).toThrow(
      /option lr: no such option, expected weight_decay, max_grad_norm, groups/,
    )
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

it('the links of optimizers, schedules and losses refuse the same', () => {
  refuses('clipByGlobalNorm', (maximum) => clipByGlobalNorm(maximum), [...bad, 0])
  refuses('addWeightDecay', (strength) => addWeightDecay(strength), bad)
  refuses('trace, momentum', (momentum) => trace(momentum, false), bad)
  refuses('option eps', (eps) => scaleByAdam({ betas: [0.9, 0.99], eps }), bad)
  refuses('schedule, name', (name) => schedule(name, { total_steps: 3 }), ['cosin', undefined, 'toString'])
  refuses('option total_steps', (total_steps) => schedule('linear', { total_steps }), [...bad, 1.5])
  refuses('option warmup_steps', (warmup_steps) => schedule('linear', { total_steps: 3, warmup_steps }), [...bad, 1.5])
  refuses('option label_smoothing', (label_smoothing) => crossEntropy({ label_smoothing }), [...bad, 1.1])
  refuses('option weight', (weight) => crossEntropy({ weight }), [[], [1, Number.NaN], [1, -1], 1])
  expect(() => crossEntropy({ labelSmoothing: 0.1 } as never)).toThrow(/option labelSmoothing: no such option/)
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

it('artifacts refuse unknown products and options', () => {
  const options = { loss: crossEntropy(), optimizer: sgd() }
  refuses('option frozenProducts', (frozenProducts) => generateArtifacts(tinyModel(), { ...options, frozenProducts }), [
    'int4',
    null,
  ])
  refuses('option loss', (loss) => generateArtifacts(tinyModel(), { ...options, loss }), ['crossEntropy', null])
  expect(() => generateArtifacts(tinyModel(), { ...options, eval_loss: crossEntropy() } as never)).toThrow(
    /option eval_loss: no such option/,
  )
})

it('a session refuses invalid seeds and learning rates, and a model a dropout that is not a probability', async () => {
  const artifacts = artifactsOf(sgd())
  await expect(TrainingSession.create({ artifacts, device: 'cpu', seed: Number.NaN })).rejects.toThrow(/option seed/)
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  for (const learningRate of bad)
    await expect(session.runOptimizerStep({ learningRate: learningRate as never })).rejects.toThrow(
      /learningRate.*at least 0/,
    )
  await session.release()
  for (const dropout of [1, -0.5, Number.POSITIVE_INFINITY])
    expect(() => artifactsOf(sgd(), { dropout })).toThrow(/Dropout "drop": not a probability/)
})

it.each([
  ['maxGradNorm', 'max_grad_norm'],
  ['max_grad_nrom', 'max_grad_norm'],
  ['adam_weight_decay', 'weight_decay'],
  ['group', 'groups'],
])('an unknown option %s is told from %s', (given, meant) => {
  expect(() => sgd({ [given]: 1 } as never)).toThrow(new RegExp(`Did you mean ${meant}\\?$`))
})

it('an unknown option that is like no other has no suggestion', () => {
  expect(() => sgd({ lr: 0.1 } as never)).toThrow(/found lr\.$/)
})
