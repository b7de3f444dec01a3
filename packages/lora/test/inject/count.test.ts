import { expect, it } from 'vitest'
import { moved } from '../../../../tools/moved.ts'
import { adapterStatus, lora } from '../../src/index.ts'
import { base } from '../support/packed-gpt2.ts'

it('says what is adapted, trained and active', () => {
  const start = lora(base, { r: 2, target_modules: ['c_fc'] })
  expect(adapterStatus(start)).toEqual(
    [0, 1].map((i) => ({ module: `transformer.h.${i}.mlp.c_fc`, r: 2, scaling: 4, trainable: true, active: false })),
  )
  expect(adapterStatus(moved(start, 1)).every(({ active }) => active)).toBe(true)
})
