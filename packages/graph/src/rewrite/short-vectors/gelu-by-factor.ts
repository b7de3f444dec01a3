// GELU is x times a factor between 0 and 1, Phi(x) or its approximation by tanh, which the gradient computes too. Where
// there is a gradient, the forward pass multiplies by that factor. Tanh is faster than Sigmoid in WebAssembly:
// sigmoid(u) = (1 + tanh(u / 2)) / 2.

import type { Graph, Node, Value } from '../../ir/graph.ts'
import { producersOf } from '../../ir/uses.ts'
import type { Builder } from '../../ops/build.ts'
import { scalarLike } from '../../ops/composite.ts'
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
    const [x = '', form = 'none'] = [node.inputs[0], node.attributes.approximate as Form | undefined]
    const gradient = node.opType === 'Gelu' ? gradients[form].get(x) : undefined
    if (gradient === undefined) return undefined
    const shared = factorOf[form](g, value(x))
    factors.set(gradient, shared)
    return replace('Mul', [value(x), shared])
  })
}

const slope = Math.sqrt(2 / Math.PI)

/** The factor of each form of GELU. */
const factorOf: Readonly<Record<Form, (g: Builder, x: Value) => Value>> = {
  tanh: (g, x) => {
    const number = (value: number) => scalarLike(g, x, value)
    const inner = g.Mul(x, g.Add(g.Mul(g.Mul(x, x), number(slope * 0.044715)), number(slope)))
    return g.Add(g.Mul(g.Tanh(inner), number(0.5)), number(0.5))
  },
  none: (g, x) => {
    const number = (value: number) => scalarLike(g, x, value)
    return g.Add(g.Mul(g.Erf(g.Mul(x, number(Math.SQRT1_2))), number(0.5)), number(0.5))
  },
}

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
