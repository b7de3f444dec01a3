// Operators that files have and the table has not, in operators of the table: those of opset 23, and those whose meaning in opset 11 depends on the rank.

import { ShapeError, UnsupportedOperatorError } from '../errors.ts'
import { getValue, type Node, type Value } from '../ir/graph.ts'
import { oldDomain } from '../onnx/upgrade.ts'
import type { Builder } from '../ops/build.ts'
import { axisOf } from '../ops/operator.ts'

/** Adds nodes whose last makes the node's first output. Types of the inputs are known. */
type Expansion = (g: Builder, node: Node, inputs: readonly (Value | undefined)[]) => void

const expansions: Readonly<Record<string, Expansion>> = {
  Attention: attention,
  RotaryEmbedding: rotary,
  [`${oldDomain}.Softmax`]: flattened('Softmax'),
  [`${oldDomain}.LogSoftmax`]: flattened('LogSoftmax'),
}

/** Adds a node's expansion to the graph. @returns Whether it has one. */
export function expand(g: Builder, node: Node): boolean {
  const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
  if (!Object.hasOwn(expansions, name)) return false
  const inputs = node.inputs.map((input) => (input === '' ? undefined : getValue(g.graph, input)))
  ;(expansions[name] as Expansion)(g, node, inputs)
  return true
}

const end = (node: Node) => ({ name: node.name, outputs: [node.outputs[0] as string], scope: node.scope })

/** softmax(scale Q K' + mask) V, Q [batch, heads, sequence, size]; keys and values may have fewer heads, each for a group of queries. */
function attention(g: Builder, node: Node, [q, k, v, mask, ...past]: readonly (Value | undefined)[]): void {
  const { is_causal = 0, softcap = 0, scale } = node.attributes
  const plain = past.length === 0 && node.outputs.length === 1 && is_causal === 0 && softcap === 0
  const [heads, size] = [q?.shape[1], q?.shape[3]]
  if (!q || !k || !v || !plain || q.shape.length !== 4 || typeof heads !== 'number' || typeof size !== 'number')
    throw beyond(node)
  const factor = typeof scale === 'number' ? scale : 1 / Math.sqrt(size)
  const scores = g.MatMul(
    g.Mul(q, g.scalar(factor, q.dtype)),
    g.Transpose(grouped(g, k, heads, node), { perm: [0, 1, 3, 2] }),
  )
  const bias = mask?.dtype === 'bool' ? g.Where(mask, g.scalar(0, q.dtype), g.scalar(lowest, q.dtype)) : mask
  const weights = g.Softmax(bias ? g.Add(scores, bias) : scores, { axis: -1 })
  g.node('MatMul', [weights, grouped(g, v, heads, node)], end(node))
}

/** The least finite float32: a row that may see nothing has no NaN. */
const lowest = -3.4028234663852886e38

/** Each head of keys or values repeated for the queries of its group. */
function grouped(g: Builder, value: Value, heads: number, node: Node): Value {
  const [, own, , size] = value.shape
  if (own === heads) return value
  if (typeof own !== 'number' || typeof size !== 'number' || heads % own !== 0) throw beyond(node)
  const repeated = g.Expand(g.Unsqueeze(value, g.int64([2])), g.int64([1, 1, heads / own, 1, 1]))
  return g.Reshape(repeated, g.int64([0, heads, -1, size]))
}

/** Halves a, b of each head turned by the angles of its position: [a cos - b sin, a sin + b cos]. Su et al. 2021. */
function rotary(g: Builder, node: Node, [x, cosines, sines, positions]: readonly (Value | undefined)[]): void {
  const { interleaved = 0, rotary_embedding_dim: part = 0 } = node.attributes
  const size = x?.shape[3]
  if (!x || !cosines || !sines || interleaved !== 0 || x.shape.length !== 4 || typeof size !== 'number')
    throw beyond(node)
  const turned = Number(part) || size
  const half = turned / 2
  const [a, b, rest] = g.node('Split', [x, g.int64([half, half, ...(turned < size ? [size - turned] : [])])], {
    outputCount: turned < size ? 3 : 2,
    attributes: { axis: 3 },
  }) as [Value, Value, Value | undefined]
  const [cos, sin] = [cosines, sines].map((cache) =>
    g.Unsqueeze(positions ? g.Gather(cache, positions) : cache, g.int64([1])),
  ) as [Value, Value]
  const parts = [g.Sub(g.Mul(a, cos), g.Mul(b, sin)), g.Add(g.Mul(a, sin), g.Mul(b, cos)), ...(rest ? [rest] : [])]
  g.node('Concat', parts, { ...end(node), attributes: { axis: 3 } })
}

/** Until opset 12, softmax was over all axes from `axis` on. */
function flattened(opType: 'Softmax' | 'LogSoftmax'): Expansion {
  return (g, node, [x]) => {
    if (!x) throw new ShapeError({ where: `${opType} "${node.name}"`, what: 'input 0 is missing' })
    const axis = axisOf(Number(node.attributes.axis ?? 1), x.shape.length, node.name)
    if (axis === x.shape.length - 1) g.node(opType, [x], { ...end(node), attributes: { axis: -1 } })
    else g.node('Reshape', [g[opType](g.Flatten(x, { axis }), { axis: -1 }), g.Shape(x)], end(node))
  }
}

const beyond = ({ opType, name }: Node): UnsupportedOperatorError =>
  new UnsupportedOperatorError({
    where: `node "${name}"`,
    what: `a form of ${opType} that is not supported`,
    expected: 'four axes, heads of a known number and size, no cache, a mask instead of is_causal',
    fix: "Export the model with opset 18 to 22, or with attn_implementation 'eager'.",
  })
