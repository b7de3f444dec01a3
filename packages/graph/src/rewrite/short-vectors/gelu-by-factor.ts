// GELU is x times a factor between 0 and 1, Phi(x) or its approximation by tanh, which the gradient computes too. Where
// there is a gradient, the factor is what GELU's kernel gives, divided by x: the kernel computes in one pass over x, on
// all threads, where Tanh alone would take one.

import type { Graph, Node, Value } from '../../ir/graph.ts'
import { producersOf } from '../../ir/uses.ts'
import { constantNumber } from '../constant-number.ts'
import { replaceNodes } from '../replace-nodes.ts'

type Form = 'tanh' | 'none'

/** Rewrites each Gelu whose gradient the graph has, so that both read one factor. It is kept until the gradient. */
export function geluByFactor(graph: Graph): Graph {
  const gradients = factorsOfGradients(graph)
  const factors = new Map<string, Value>()
  return replaceNodes(graph, (node, { g, value, replace }) => {
    const factor = factors.get(node.outputs[0] as string)
    if (factor) return replace('Identity', [factor])
    if (node.opType !== 'Gelu') return undefined
    const [x, form] = [value(node.inputs[0] as string), (node.attributes.approximate ?? 'none') as Form]
    const gradient = gradients[form].get(x.name)
    if (gradient === undefined || x.dtype !== 'float32') return undefined
    const away = g.Add(x, g.scalar(smallest))
    const y = g.Gelu(away, { approximate: form })
    factors.set(gradient, g.Div(y, away))
    return replace('Identity', [y])
  })
}

/** Added to x, so that 0 is divided by it; it changes no x of more than 2e-23. */
const smallest = 1e-30

/** Of the tanh in the approximation. */
const slope = Math.sqrt(2 / Math.PI)

/** The names of the factors that gradient rules compute, by form and by x. */
function factorsOfGradients(graph: Graph): Readonly<Record<Form, ReadonlyMap<string, string>>> {
  const producers = producersOf(graph)
  const find = (match: (node: Node, before: Before) => string | undefined) =>
    new Map(
      graph.nodes.flatMap((node) => {
        const x = match(node, (name, opType) => {
          const found = producers.get(name ?? '')
          return found?.opType === opType ? found : undefined
        })
        return x === undefined ? [] : [[x, node.outputs[0] as string] as const]
      }),
    )
  const isNumber = (name: string | undefined, number: number) =>
    constantNumber(graph, name ?? '') === Math.fround(number)
  return {
    tanh: find((node, before) => {
      // sigmoid(x (a x^2 + b))
      const u = node.opType === 'Sigmoid' ? before(node.inputs[0], 'Mul') : undefined
      const polynomial = before(u?.inputs[1], 'Add')
      const term = before(polynomial?.inputs[0], 'Mul')
      const square = before(term?.inputs[0], 'Mul')
      const x = u?.inputs[0]
      const fits =
        square?.inputs.every((name) => name === x) &&
        isNumber(term?.inputs[1], 2 * slope * 0.044715) &&
        isNumber(polynomial?.inputs[1], 2 * slope)
      return fits ? x : undefined
    }),
    none: find((node, before) => {
      // erf(x / sqrt(2)) / 2 + 1 / 2
      const half = node.opType === 'Add' && isNumber(node.inputs[1], 0.5) ? before(node.inputs[0], 'Mul') : undefined
      const t = isNumber(half?.inputs[1], 0.5) ? before(before(half?.inputs[0], 'Erf')?.inputs[0], 'Mul') : undefined
      return isNumber(t?.inputs[1], Math.SQRT1_2) ? t?.inputs[0] : undefined
    }),
  }
}

/** The node of an operator that produces a value. */
type Before = (name: string | undefined, opType: string) => Node | undefined
