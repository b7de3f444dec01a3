// Reverse-mode differentiation, graph to graph: visits the nodes in reverse order, applies the rule of each, and sums
// the gradients of a value that several nodes read.

import { requireKind } from '../door.ts'
import { type Checks, checkOptions, list, requireOptions, text } from '../options.ts'
import { GraphError, UnsupportedOperatorError } from '../errors.ts'
import { sameShape } from '../ir/dim.ts'
import { type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { attributesOf } from '../ops/add-node.ts'
import { build, type Builder } from '../ops/build.ts'
import { isOperator, operatorOf } from '../ops/index.ts'
import { gradientRules } from './rules.ts'
import type { Rule } from './rule.ts'

/** Options of {@link differentiate}. */
export interface DifferentiateOptions {
  /** Name of a scalar value of the graph. */
  loss: string
  /** Values to differentiate with respect to: inputs or initializers. */
  wrt: readonly string[]
}

const checks: Checks<DifferentiateOptions> = { loss: text, wrt: list }

/**
 * Adds to `graph` the nodes that compute dloss/dvalue for each value of `wrt`. Only values that depend on `wrt` get a
 * gradient; call `prune` to drop nodes that rules build and no gradient uses.
 * @returns The gradient of each value, with the value's shape; zeros if the loss does not depend on it.
 * @throws {UnsupportedOperatorError} naming the node whose operator has no rule.
 * @throws {GraphError} when the loss is not a scalar.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function differentiate(graph: Graph, options: DifferentiateOptions): Map<string, Value> {
  checkOptions('differentiate', options, checks)
  requireOptions('differentiate', options, checks, ['loss', 'wrt'])
  requireKind('differentiate, graph', graph, 'graph')
  const { loss, wrt } = options
  const target = getValue(graph, loss)
  if (target.shape.length !== 0)
    throw new GraphError({
      where: `value "${loss}"`,
      what: 'a loss must be a scalar',
      found: `shape [${target.shape.join(', ')}]`,
      fix: 'Reduce it, with ReduceMean for instance.',
    })
  const g = build(graph)
  const needed = dependents(graph, wrt)
  const gradients = new Map<string, Value>([[loss, g.scalar(1, target.dtype)]])
  for (const node of [...graph.nodes].reverse()) {
    const dys = node.outputs.map((output) => gradients.get(output) ?? null)
    if (dys.every((dy) => dy === null) || !node.outputs.some((output) => needed.has(output))) continue
    propagate(g, node, dys, needed, gradients)
  }
  return new Map(wrt.map((name) => [name, gradients.get(name) ?? zeros(g, getValue(graph, name))]))
}

/** Values computed from any of `sources`, and the sources themselves. */
function dependents(graph: Graph, sources: readonly string[]): Set<string> {
  const reached = new Set(sources)
  for (const node of graph.nodes) {
    if (node.inputs.some((input) => reached.has(input))) for (const output of node.outputs) reached.add(output)
  }
  return reached
}

function propagate(
  g: Builder,
  node: Node,
  dys: (Value | null)[],
  needed: ReadonlySet<string>,
  gradients: Map<string, Value>,
): void {
  const rule = ruleOf(node)
  if (!rule) return
  const where = `${node.opType} "${node.name}"`
  const x = node.inputs.map((name) => (name === '' ? null : getValue(g.graph, name)))
  const y = node.outputs.map((name) => getValue(g.graph, name))
  if (dys.some((dy, i) => dy && i > 0) && node.opType !== 'Split') {
    throw new UnsupportedOperatorError({
      where,
      what: 'no gradient rule for its further outputs',
      fix: 'Let the loss depend on its first output only.',
    })
  }
  const dy = (dys[0] ?? null) as Value
  const dxs = rule({ x, y, dy, dys, attributes: attributesOf(node), where, g })
  node.inputs.forEach((name, i) => {
    const dx = dxs[i]
    if (!dx || !needed.has(name)) return
    const reduced = unbroadcast(g, dx, x[i] as Value)
    const sum = gradients.get(name)
    gradients.set(name, sum ? g.Add(sum, reduced) : reduced)
  })
}

function ruleOf(node: Node): Rule | undefined {
  operatorOf(node.opType, node.domain, node.name)
  const rule = isOperator(node.opType) ? gradientRules[node.opType] : 'unsupported'
  if (rule === 'unsupported') {
    throw new UnsupportedOperatorError({
      where: `${node.opType} "${node.name}"`,
      what: 'no gradient rule for this operator, and a trainable value lies below it',
      fix: 'Freeze what lies below it, or add a rule to grad/ (ARCHITECTURE.md, "Add a gradient rule").',
    })
  }
  return rule === 'none' ? undefined : rule
}

/** Sums a gradient over the axes along which its value was broadcast, so that it has the value's shape. */
function unbroadcast(g: Builder, gradient: Value, value: Value): Value {
  const extra = gradient.shape.length - value.shape.length
  const leading = Array.from({ length: Math.max(extra, 0) }, (_, i) => i)
  const summed = leading.length ? g.ReduceSum(gradient, g.int64(leading), { keepdims: 0 }) : gradient
  if (sameShape(summed.shape, value.shape)) return summed
  const broadcast = value.shape.flatMap((dim, i) => (dim === 1 && summed.shape[i] !== 1 ? [i] : []))
  if (broadcast.length) return g.ReduceSum(summed, g.int64(broadcast))
  return extra < 0 ? g.Expand(summed, g.Shape(value)) : summed
}

const zeros = (g: Builder, value: Value): Value => g.Expand(g.scalar(0, value.dtype), g.Shape(value))
