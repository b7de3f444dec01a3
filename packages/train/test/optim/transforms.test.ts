import { expect, it } from 'vitest'
import { addWeightDecay, clipByGlobalNorm, crossEntropy, scaleByAdam, schedule, trace } from '../../src/index.ts'
import { bad, refuses } from '../support/refuses.ts'

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
