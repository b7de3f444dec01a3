import { expect, it } from 'vitest'
import { sgd, loadClassifier } from '../src/index.ts'

it.each([
  ['maxGradNorm', 'max_grad_norm'],
  ['max_grad_nrom', 'max_grad_norm'],
  ['adam_weight_decay', 'weight_decay'],
  ['group', 'groups'],
])('an unknown option %s is told from %s', (given, meant) => {
  expect(() => sgd({ [given]: 1 } as never)).toThrow(new RegExp(`Did you mean ${meant}\\?$`))
})

it('an unknown option that is like no other has no suggestion', () => {
  expect(() => sgd({ colour: 0.1 } as never)).toThrow(/option colour: no such option, expected [a-z_, ]*\.$/)
})

it('the learning rate is told where it belongs', () => {
  expect(() => sgd({ lr: 0.1 } as never)).toThrow(
    /option lr: no such option\. .*the Trainer's learning_rate, or runOptimizerStep/,
  )
})

it('of transformers.js are named as they are here', async () => {
  await expect(loadClassifier('nowhere', { dtype: 'q8' } as never)).rejects.toThrow(
    /loadClassifier, option dtype: no such option\. It is file: /,
  )
})
