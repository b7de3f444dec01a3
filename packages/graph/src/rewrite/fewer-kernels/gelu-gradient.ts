// The gradient of the tanh-approximated GELU in seven kernels instead of twelve. With u = a x^3 + b x, s = sigmoid(u)
// and v = x u' = 3 a x^3 + b x, y = x s has the derivative s + s (1 - s) v. One Gemm makes u and v, as two rows, of x^3
// and x; an Einsum reads a row of several by a factor that is 1 for that row and 0 for the others.

import type { Graph, Node, Value } from '../../ir/graph.ts'
import type { Builder } from '../../ops/build.ts'
import { float32 } from '../../tensor/tensor.ts'
import { constantNumber } from '../constant-number.ts'
import { unit } from './product.ts'
import { replaceNodes, type Surroundings } from '../replace-nodes.ts'
import { asRow, shapeAsInput } from './scaled-sums.ts'

/** Rewrites the expression that the gradient rule of Gelu builds. */
export const geluGradients = (graph: Graph): Graph =>
  replaceNodes(graph, (node, around) => {
    const found = node.opType === 'Mul' ? gradientOf(node, around) : undefined
    if (!found) return undefined
    const { g, replace } = around
    const { dy, x, cubic, linear } = found
    const cube = g.Einsum(asRow(g, x), asRow(g, x), asRow(g, x), { equation: 'Zn,Zn,Zn->Zn' })
    const sums = g.Gemm(column(g, [cubic, 3 * cubic]), cube, asRow(g, x), { beta: linear })
    const s = g.Sigmoid(sums)
    const opposite = g.Sub(unit(g, 1, [1]), s)
    const [first, second] = [unitVector(g, 0), unitVector(g, 1)]
    const product = g.Einsum(s, opposite, sums, first, first, second, { equation: 'rn,sn,tn,r,s,t->n' })
    const slope = g.Gemm(g.Reshape(first, g.int64([1, 2])), s, asRow(g, product))
    return replace('Mul', [dy, g.Reshape(slope, shapeAsInput(g, x, x.shape))])
  })

const column = (g: Builder, numbers: readonly number[]): Value =>
  g.constant('gelu.factors', float32([numbers.length, 1], numbers))

/** [1, 0] or [0, 1]. */
const unitVector = (g: Builder, at: 0 | 1): Value => {
  const name = `constant.float32[2](${1 - at},${at})`
  return g.graph.values.get(name) ?? g.constant(name, float32([2], [1 - at, at]))
}

interface Gradient {
  dy: Value
  x: Value
  /** a. */
  cubic: number
  /** b. */
  linear: number
}

/** Matches dy (s + (y - y s) u') with u = x (a x^2 + b). */
function gradientOf({ inputs: [dy = '', slope = ''] }: Node, around: Surroundings): Gradient | undefined {
  const { onlyFor, producer, value } = around
  const sum = onlyFor(slope, 'Add')
  const sigmoid = sum && producer(sum.inputs[0] as string)
  const rest = sum && onlyFor(sum.inputs[1] as string, 'Mul')
  const difference = rest && onlyFor(rest.inputs[0] as string, 'Sub')
  const u = sigmoid?.opType === 'Sigmoid' ? onlyFor(sigmoid.inputs[0] as string, 'Mul') : undefined
  const polynomial = u && onlyFor(u.inputs[1] as string, 'Add')
  const term = polynomial && onlyFor(polynomial.inputs[0] as string, 'Mul')
  const square = term && producer(term.inputs[0] as string)
  const gelu = difference && producer(difference.inputs[0] as string)
  const x = u?.inputs[0] ?? ''
  const isGradient =
    gelu?.opType === 'Gelu' &&
    gelu.attributes.approximate === 'tanh' &&
    gelu.inputs[0] === x &&
    square?.opType === 'Mul' &&
    square.inputs.every((name) => name === x)
  const [cubic, linear] = [term, polynomial].map((node) => constantNumber(around.g.graph, node?.inputs[1] ?? ''))
  if (!isGradient || cubic === undefined || linear === undefined) return undefined
  return { dy: value(dy), x: value(x), cubic, linear }
}
