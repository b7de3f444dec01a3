// Every decomposition against the runtime's own kernel, over random shapes and attributes. The sweeps are typed by the
// table: a row without its sweep does not compile, and fails here.

import { describe, expect, it } from 'vitest'
import { decompositions, type FusedName } from '../../../src/rewrite/decompositions/table.ts'
import { activationSweeps } from './activations.ts'
import { attentionSweeps } from './attention.ts'
import { convolutionSweeps } from './convolutions.ts'
import { groupQuerySweeps } from './group-query-attention.ts'
import { multiHeadSweeps } from './multi-head-attention.ts'
import { normalizationSweeps } from './normalizations.ts'
import { oldSoftmaxSweeps } from './old-softmax.ts'
import { productSweeps } from './products.ts'
import { quantizedSweeps } from './quantized.ts'
import { rotarySweeps } from './rotary.ts'
import { check, Draw, type Sweep } from './sweep.ts'

const sweeps: { readonly [Name in FusedName]: Sweep } = {
  ...activationSweeps,
  ...attentionSweeps,
  ...convolutionSweeps,
  ...groupQuerySweeps,
  ...multiHeadSweeps,
  ...normalizationSweeps,
  ...oldSoftmaxSweeps,
  ...productSweeps,
  ...quantizedSweeps,
  ...rotarySweeps,
}

/** Forms of each operator. */
const forms = 24

describe('decompositions against the kernels of the runtime', () => {
  it('cover the whole table', () => {
    expect(Object.keys(sweeps).sort()).toEqual(Object.keys(decompositions).sort())
  })
  for (const [name, sweep] of Object.entries(sweeps))
    it(`${name}, ${forms} forms`, async () => {
      for (let seed = 0; seed < forms; seed++) {
        const test = sweep(new Draw(seed))
        await check(name, test).catch((error: Error) => {
          const shapes = test.inputs.map((input) => (input ? `[${input.shape}]` : 'omitted')).join(' ')
          error.message = `seed ${seed}, ${JSON.stringify(test.attributes ?? {})}, ${shapes}: ${error.message}`
          throw error
        })
      }
    })
})
