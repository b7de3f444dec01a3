import { build, getValue, GraphError, type Loss } from '@cola/graph'
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

it('names a loss whose value has no gradients', () => {
  const made = (loss: Loss) => () => generateArtifacts(tinyModel(), { loss, optimizer: sgd() })
  const errors: Loss = (graph) => build(graph).ReduceSum(build(graph).int64([1, 2]), { keepdims: 0 })
  expect(made(errors)).toThrow(GraphError)
  expect(made(errors)).toThrow(
    /^loss "errors", value "ReduceSum.*": a value without gradients, expected.*found int64\.?$/,
  )
  const right: Loss = (graph) => build(graph).GreaterOrEqual(getValue(graph, 'logits'), build(graph).scalar(0))
  expect(made(right)).toThrow(/^loss "right".*found bool/)
  const nothing = (() => undefined) as never
  expect(made(nothing)).toThrow(/^loss "nothing": it returns no value of the graph.*found undefined/)
})
