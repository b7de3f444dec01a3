import { describe, expect, it } from 'vitest'
import { operatorOf } from '../../src/ops/index.ts'

describe('an operator that is not in the table', () => {
  it.each([
    ['com.microsoft', 'MoE', /dense/],
    ['com.microsoft', 'QMoE', /dense/],
    ['com.microsoft', 'LinearAttention', /short convolutions/],
    ['com.microsoft', 'DecoderMaskedSelfAttention', /read the original export/],
    ['', 'QLinearAdd', /read the original export/],
    ['', 'Unique', /Export the model without it/],
  ])('%s %s: names the node and says what to do', (domain, opType, fix) => {
    expect(() => operatorOf(opType, domain, 'the node')).toThrow(/^node "the node": operator .* is not in the table/)
    expect(() => operatorOf(opType, domain, 'the node')).toThrow(fix)
  })
})
