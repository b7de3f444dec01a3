import { ConfigError, crossEntropy } from '@cola/train'
import { describe, expect, it } from 'vitest'
import {
  crossEntropyLoss,
  distillation,
  kdLoss,
  lossWeights,
  pairLoss,
  pairLossGraph,
  sumOfLosses,
} from '../../src/index.ts'

describe('bad input', () => {
  const good = [0, 1, 2, 3]
  it('names the row that no loss has a value for', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: masked } = Number
    expect(() => pairLoss('soft_targets', { student: good, teacher: [0, 1, nan, 0], width: 2 })).toThrow(
      /teacher, row 2: column 0 .* found NaN/,
    )
    expect(() => pairLoss('hidden_mse', { student: [0, inf, 1, 1], teacher: good, width: 2 })).toThrow(
      /student, row 1: column 1 .* found Infinity/,
    )
    expect(() => kdLoss(good, [0, 1, masked, masked], [0, 1])).toThrow(/teacher, row 2: all of its classes are masked/)
    expect(() => crossEntropyLoss([0, nan], [0])).toThrow(/logits, row 1/)
    expect(() => kdLoss(good, good, [])).toThrow(/^labels: not one for each row.*found 0 labels for \d+ logits/)
    expect(() => kdLoss([], [], [])).toThrow(/^labels: there are no rows, expected at least one row/)
    expect(() => kdLoss([1, 2, 3, 4], [1, 2, 3, 4], [0, 1, 0])).toThrow(/^labels: .*found 3 labels for 4 logits/)
    expect(() => crossEntropyLoss([1, 2, 3, 4], [0, 1, 0])).toThrow(/^labels: .*found 3 labels for 4 logits/)
    expect(() => kdLoss([1, 2], [1, 2], BigInt64Array.of(0n) as never)).toThrow(/^labels, row 1: .*found 0n, a BigInt/)
  })

  it.each([
    ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2', null].map((temperature) => ({ temperature })),
    ...[-0.1, 1.1, Number.NaN, '0.5'].map((alpha) => ({ alpha })),
    ...[0, 1, -1, Number.NaN].map((beta) => ({ beta })),
    ...[-0.1, 2, Number.NaN].map((label_smoothing) => ({ label_smoothing })),
    ...[[1, Number.NaN], [1, -1], 3].map((weight) => ({ weight })),
    { scale: 'cube' },
  ])('refuses the option %j where it is given', (option) => {
    const [name] = Object.keys(option) as [string]
    const wrong = option as never
    const refused = new RegExp(`option ${name}: not a valid value`)
    expect(() => kdLoss(good, good, [0, 1], wrong)).toThrow(refused)
    expect(() => distillation(wrong)).toThrow(refused)
    if (!['temperature', 'scale', 'beta'].includes(name)) return
    expect(() => pairLoss('soft_targets', { student: good, teacher: good, width: 2 }, wrong)).toThrow(refused)
    expect(() => pairLossGraph('soft_targets', wrong)).toThrow(refused)
  })

  it('has the defaults of Hinton et al. and of most libraries: T = 2, equal shares, T^2', () => {
    // With PyTorch: 0.5 * F.kl_div(F.log_softmax(s / 2, -1), F.softmax(t / 2, -1), reduction='batchmean') * 4 +
    // 0.5 * F.cross_entropy(s, y).
    const { loss, gradient } = kdLoss([0.2, 0.9, 1.5, -0.3], [-1.1, 2.4, 0.1, 0.4], [1, 1])
    expect(loss).toBeCloseTo(0.8894310071427005, 12)
    expect([...gradient]).toBeAllclose(
      [0.21562066848344874, -0.21562066848344869, 0.33872690775925474, -0.33872690775925485],
      { atol: 1e-7 },
    )
  })

  it('takes an option that is undefined as not set', () => {
    const unset = { temperature: undefined, scale: undefined, beta: undefined, alpha: undefined } as never
    expect(kdLoss(good, [3, 1, 0, 2], [0, 1], unset)).toEqual(kdLoss(good, [3, 1, 0, 2], [0, 1]))
    const rows = { student: good, teacher: [3, 1, 0, 2], width: 2 }
    for (const name of ['soft_targets', 'jensen_shannon', 'reverse_kl'] as const)
      expect(pairLoss(name, rows, unset)).toEqual(pairLoss(name, rows))
  })

  it('refuses sums of nothing, weights that are no numbers, and losses that there are not', () => {
    expect(() => sumOfLosses([])).toThrow(ConfigError)
    expect(() => sumOfLosses([{ loss: crossEntropy(), weight: Number.NaN }])).toThrow(/weight of term 0/)
    expect(() => lossWeights([{ loss: crossEntropy(), weight: (progress) => 1 / progress }], 0)).toThrow(
      /weight of term 0/,
    )
    expect(() => pairLossGraph('soft_target' as never)).toThrow(
      /no loss of this name, expected soft_targets, reverse_kl/,
    )
  })
})
