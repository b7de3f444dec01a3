// Expands operators that files use and the table lacks into operators of the table: Attention and RotaryEmbedding of
// opset 23, and Softmax of opset 11, whose meaning depends on the rank.

import { ShapeError, UnsupportedOperatorError } from '../errors.ts'
import { getValue, type Node, type Value } from '../ir/graph.ts'
import { oldDomain } from '../onnx/upgrade.ts'
import type { Builder } from '../ops/build.ts'
import { axisOf } from '../ops/operator.ts'

/** Adds nodes, the last of which produces the node's first output. The types of the inputs are known. */
type Expansion = (g: Builder, node: Node, inputs: readonly (Value | undefined)[]) => void

const expansions: Readonly<Record<string, Expansion>> = {
  Attention: attention,
  RotaryEmbedding: rotary,
  [`${oldDomain}.Softmax`]: flattened('Softmax'),
  [`${oldDomain}.LogSoftmax`]: flattened('LogSoftmax'),
}

/**
 * Adds a node's expansion to the graph. @returns Whether it has one.
 * @throws {UnsupportedOperatorError | ShapeError} naming the node, for a form that is not supported.
 */
export function expand(g: Builder, node: Node): boolean {
  const name = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`
  if (!Object.hasOwn(expansions, name)) return false
  const inputs = node.inputs.map((input) => (input === '' ? undefined : getValue(g.graph, input)))
  ;(expansions[name] as Expansion)(g, node, inputs)
  return true
}

/** Options of the last node of an expansion. */
const outputOptions = (node: Node) => ({ name: node.name, outputs: [node.outputs[0] as string], scope: node.scope })

/**
 * softmax(scale Q K' + mask) V, Q [batch, heads, sequence, size]. Keys and values may have fewer heads, each for a
 * group of query heads (Ainslie et al. 2023).
 */
function attention(g: Builder, node: Node, [q, k, v, mask, ...past]: readonly (Value | undefined)[]): void {
  const { is_causal = 0, softcap = 0, scale } = node.attributes
  const isPlain = past.length === 0 && node.outputs.length === 1 && is_causal === 0 && softcap === 0
  const [heads, size] = [q?.shape[1], q?.shape[3]]
  if (!q || !k || !v || !isPlain || q.shape.length !== 4 || typeof heads !== 'number' || typeof size !== 'number')
    throw unsupportedForm(node)
  const factor = typeof scale === 'number' ? scale : 1 / Math.sqrt(size)
  const scores = g.MatMul(
    g.Mul(q, g.scalar(factor, q.dtype)),
    g.Transpose(repeatHeads(g, k, heads, node), { perm: [0, 1, 3, 2] }),
  )
  const bias = mask?.dtype === 'bool' ? g.Where(mask, g.scalar(0, q.dtype), g.scalar(lowest, q.dtype)) : mask
  const weights = g.Softmax(bias ? g.Add(scores, bias) : scores, { axis: -1 })
  g.node('MatMul', [weights, repeatHeads(g, v, heads, node)], outputOptions(node))
}

/** The lowest finite float32, instead of -Infinity, so that a row whose positions are all masked is not NaN. */
const lowest = -3.4028234663852886e38

/** Repeats each head of keys or values for the query heads of its group. */
function repeatHeads(g: Builder, value: Value, heads: number, node: Node): Value {
  const [, groups, , size] = value.shape
  if (groups === heads) return value
  if (typeof groups !== 'number' || typeof size !== 'number' || heads % groups !== 0) throw unsupportedForm(node)
  const repeated = g.Expand(g.Unsqueeze(value, g.int64([2])), g.int64([1, 1, heads / groups, 1, 1]))
  return g.Reshape(repeated, g.int64([0, heads, -1, size]))
}

/** Rotates the halves a, b of each head by its position's angles: [a cos - b sin, a sin + b cos]. Su et al. 2021. */
function rotary(g: Builder, node: Node, [x, cosines, sines, positions]: readonly (Value | undefined)[]): void {
  const { interleaved = 0, rotary_embedding_dim: part = 0 } = node.attributes
  const size = x?.shape[3]
  if (!x || !cosines || !sines || interleaved !== 0 || x.shape.length !== 4 || typeof size !== 'number')
    throw unsupportedForm(node)
  const rotated = Number(part) || size
  const half = rotated / 2
  const [a, b, rest] = g.node('Split', [x, g.int64([half, half, ...(rotated < size ? [size - rotated] : [])])], {
    outputCount: rotated < size ? 3 : 2,
    attributes: { axis: 3 },
  }) as [Value, Value, Value | undefined]
  const [cos, sin] = [cosines, sines].map((cache) =>
    g.Unsqueeze(positions ? g.Gather(cache, positions) : cache, g.int64([1])),
  ) as [Value, Value]
  const parts = [g.Sub(g.Mul(a, cos), g.Mul(b, sin)), g.Add(g.Mul(a, sin), g.Mul(b, cos)), ...(rest ? [rest] : [])]
  g.node('Concat', parts, { ...outputOptions(node), attributes: { axis: 3 } })
}

/** Before opset 13, softmax is over all axes from `axis` to the last. */
function flattened(opType: 'Softmax' | 'LogSoftmax'): Expansion {
  return (g, node, [x]) => {
    if (!x) throw new ShapeError({ where: `${opType} "${node.name}"`, what: 'input 0 is missing' })
    const axis = axisOf(Number(node.attributes.axis ?? 1), x.shape.length, node.name)
    if (axis === x.shape.length - 1) g.node(opType, [x], { ...outputOptions(node), attributes: { axis: -1 } })
    else g.node('Reshape', [g[opType](g.Flatten(x, { axis }), { axis: -1 }), g.Shape(x)], outputOptions(node))
  }
}

const unsupportedForm = ({ opType, name }: Node): UnsupportedOperatorError =>
  new UnsupportedOperatorError({
    where: `node "${name}"`,
    what: `a form of ${opType} that is not supported`,
    expected: 'four axes, heads of a known number and size, no cache, a mask instead of is_causal',
    fix: "Export the model with opset 18 to 22, or with attn_implementation 'eager'.",
  })
