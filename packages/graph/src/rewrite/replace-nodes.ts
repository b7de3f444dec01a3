// Replaces nodes one by one, with what rules ask about the nodes before and after them.

import { cloneGraph, getValue, type Graph, type Node, type Value } from '../ir/graph.ts'
import { consumersOf, producersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/build.ts'
import { prune } from './prune.ts'
import { replaceProducer } from './rewrite-outputs.ts'

export interface Surroundings {
  readonly g: Builder
  /** The node that produces a value; undefined for inputs and constants. */
  readonly producer: (name: string) => Node | undefined
  /** The node that produces a value, if it is of one of these operators and nothing but one node reads the value. */
  readonly onlyFor: (name: string, ...opTypes: string[]) => Node | undefined
  /** The node that alone reads a value, but for its shape; undefined for an output of the graph, and for several. */
  readonly onlyReader: (name: string) => Node | undefined
  readonly value: (name: string) => Value
  /** Adds the node that produces the replaced node's first output from now on. */
  readonly replace: (opType: string, inputs: readonly Value[], attributes?: Node['attributes']) => true
}

/** Adds a node's replacement; undefined leaves the node as it is. */
export type Rule = (node: Node, surroundings: Surroundings) => true | undefined

/** The rule of a node's operator, where the table has one. */
export const ruleByOperator =
  (rules: Readonly<Record<string, Rule>>): Rule =>
  (node, around) =>
    Object.hasOwn(rules, node.opType) ? rules[node.opType]?.(node, around) : undefined

/** The two inputs of a node in either order: for operators that commute. */
export const eitherOrder = ([a, b]: readonly string[]): [string, string][] => [
  [a as string, b as string],
  [b as string, a as string],
]

/** A copy of the graph in which nodes are replaced by a rule, without nodes that nothing reads any more. */
export function replaceNodes(original: Graph, rule: Rule): Graph {
  const graph = cloneGraph(original)
  const [producers, consumers] = [producersOf(graph), consumersOf(graph)]
  const outputs = new Set(graph.outputs)
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  const producer = (name: string) => producers.get(name)
  const onlyReader = (input: string) => {
    const readers = consumers.get(input)?.filter(({ opType }) => opType !== 'Shape')
    return readers?.length === 1 && !outputs.has(input) ? readers[0] : undefined
  }
  for (const node of nodes) {
    const name = node.outputs[0] as string
    const replaced = rule(node, {
      g,
      producer,
      onlyFor: (input, ...opTypes) => {
        const found = producers.get(input)
        return found && onlyReader(input) && opTypes.includes(found.opType) ? found : undefined
      },
      onlyReader,
      value: (input) => getValue(graph, input),
      replace: (opType, inputs, attributes = {}) => {
        replaceProducer(graph, name, opType, inputs, { name: node.name, scope: node.scope, attributes })
        return true
      },
    })
    if (!replaced) graph.nodes.push(node)
    producers.set(name, graph.nodes.at(-1) as Node)
  }
  prune(graph)
  return graph
}
