// Gradients where a rule's formula divides by zero, against PyTorch (test/make-edge-gradients.py), and forms of operators
// without a rule.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { addInput, build, type Builder, createGraph, differentiate, lower, prune, type Value } from '../../src/index.ts'
import { of, run } from '../support/run.ts'

const { x, weights, gradients } = JSON.parse(
  readFileSync(new URL('../fixtures/edge-gradients.json', import.meta.url), 'utf8'),
) as { x: number[]; weights: number[]; gradients: Record<string, number[]> }

type Form = (g: Builder, x: Value) => Value

const forms: Record<string, Form> = {
  ReduceL2: (g, x) => g.ReduceL2(x, g.int64([1])),
  'ReduceL2 of all': (g, x) => g.ReduceL2(x, { keepdims: 0 }),
  'ReduceL2 of zeros': (g, x) => g.ReduceL2(g.Mul(x, g.scalar(0)), { keepdims: 0 }),
  // As PyTorch's exporter writes torch.nn.functional.normalize.
  normalize: (g, x) => g.Div(x, g.Expand(g.Clip(g.ReduceL2(x, g.int64([1])), g.scalar(1e-12)), g.Shape(x))),
  Pow: (g, x) => g.Pow(x, g.constant('exponents', of('float32', [3], [0, 1, 2]))),
  'Pow, the exponent': (g, x) => g.Pow(g.constant('base', of('float32', [3], [0, 1, 2])), g.Add(g.Abs(x), g.scalar(1))),
}

/** A graph with loss = sum(weights * y), and the name of its gradient. */
function graphOf(form: Form) {
  const graph = createGraph('edge')
  const g = build(graph)
  const y = form(g, addInput(graph, 'x', 'float32', [3, 3]))
  const weighted = g.Mul(g.constant('weights', of('float32', [3, 3], weights)), y)
  g.node('ReduceSum', [weighted], { attributes: { keepdims: 0 }, outputs: ['loss'] })
  const gradient = differentiate(graph, { loss: 'loss', wrt: ['x'] }).get('x') as Value
  graph.outputs = [gradient.name]
  const lowered = lower(graph)
  prune(lowered)
  return { graph: lowered, gradient: gradient.name }
}

it.each(Object.keys(gradients))('%s has PyTorch’s gradient', async (name) => {
  const { graph, gradient } = graphOf(forms[name] as Form)
  const result = (await run(graph, { x: of('float32', [3, 3], x) })).get(gradient)
  expect(result?.data ?? []).toBeAllclose(gradients[name] as number[])
})

const one = (g: Builder, values: number[]) => g.constant('indices', of('int64', [values.length, 1], values))

it.each<[string, Form]>([
  ['Pad', (g, x) => g.Pad(x, g.int64([1, 0, 1, 0]), { mode: 'reflect' })],
  [
    'ScatterND',
    (g, x) => g.ScatterND(x, one(g, [1]), g.constant('u', of('float32', [1, 3], [1, 2, 3])), { reduction: 'mul' }),
  ],
  [
    'ScatterElements',
    (g, x) =>
      g.ScatterElements(x, one(g, [1]), g.constant('u', of('float32', [1, 1], [1])), { axis: 0, reduction: 'max' }),
  ],
])('%s in a form without a rule is refused', (name, form) => {
  const at = new RegExp(`^${name} ".*": no gradient rule with (mode reflect|reduction (mul|max)),`)
  expect(() => graphOf((g, x) => g.ReduceSum(form(g, x), { keepdims: 0 }))).toThrow(at)
})
