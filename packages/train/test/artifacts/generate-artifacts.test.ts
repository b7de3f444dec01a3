import { expect, it } from 'vitest'
import { crossEntropy, generateArtifacts, sgd } from '../../src/index.ts'
import { refuses } from '../support/refuses.ts'
import { tinyModel } from '../support/tiny.ts'

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
