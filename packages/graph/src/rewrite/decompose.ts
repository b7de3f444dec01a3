// Replaces fused operators of a file by operators of the table, which have gradient rules.

import { addValue, type Attributes, getValue, type Graph, type Node, uniqueName, type Value } from '../ir/graph.ts'
import type { Builder } from '../ops/build.ts'
import { isOfType, withDefaults, wrongInputCount } from '../ops/operator.ts'
import { type Decomposition, fusedName, unsupported } from './decompositions/decomposition.ts'
import { decompositions, type FusedName } from './decompositions/table.ts'

type Outputs = readonly (Value | undefined)[]

/** The row of a node's operator; undefined if it has none, or the row leaves the node as it is. */
export function decompositionOf(node: Node): Decomposition | undefined {
  const name = fusedName(node)
  if (!Object.hasOwn(decompositions, name)) return undefined
  const row = decompositions[name as FusedName]
  return row.when && !row.when(node) ? undefined : row
}

/**
 * Adds the operators that compute a fused node to the graph; its outputs keep their names. The types of the inputs are
 * known.
 * @returns Whether the table has a row for the node.
 * @throws {UnsupportedOperatorError | ShapeError} naming node and attribute, for a form that is not supported.
 */
export function decompose(g: Builder, node: Node): boolean {
  const row = decompositionOf(node)
  if (!row) return false
  const { graph } = g
  const first = graph.nodes.length
  const values = row.apply({
    g,
    node,
    x: inputsOf(graph, node, row),
    attributes: attributesOf(node, row),
    wants: (i) => Boolean(node.outputs[i]),
    tensorOf: (value) => value && graph.initializers.get(value.name),
  })
  nameOutputs(g, node, first, values)
  return true
}

/**
 * Gives the outputs of the nodes from index `first` on the names that the fused node's outputs have. Other values are
 * named after the node, so that they do not take the name of a value that follows in the file.
 */
function nameOutputs({ graph, node: add }: Builder, node: Node, first: number, values: Outputs): void {
  const added = graph.nodes.splice(first)
  const produced = new Set(added.flatMap(({ outputs }) => outputs))
  const names = new Map<string, string>()
  const copies: [string, string][] = []
  node.outputs.forEach((name, i) => {
    const value = values[i] ?? notComputed(node, i)
    if (name === '' || !value) return
    if (produced.has(value.name) && !names.has(value.name)) names.set(value.name, name)
    else if (value.name !== name) copies.push([value.name, name])
  })
  const renamed = (name: string): string => names.get(name) ?? name
  for (const name of produced) {
    const value = getValue(graph, name)
    graph.values.delete(name)
    if (!names.has(name)) names.set(name, uniqueName(graph, `${node.name}/${name}`))
    addValue(graph, { ...value, name: renamed(name) })
  }
  for (const { name, inputs, outputs, ...rest } of added)
    graph.nodes.push({
      ...(node.scope === undefined ? {} : { scope: node.scope }),
      ...rest,
      name: `${node.name}/${name}`,
      inputs: inputs.map(renamed),
      outputs: outputs.map(renamed),
    })
  for (const [source, name] of copies) add('Identity', [getValue(graph, renamed(source))], { outputs: [name] })
}

function inputsOf(graph: Graph, node: Node, row: Decomposition): (Value | undefined)[] {
  const { inputs } = node
  const [minimum, maximum] = row.inputs
  if (inputs.length < minimum || inputs.slice(maximum).some((name) => name !== ''))
    throw wrongInputCount(`${node.opType} "${node.name}"`, row.inputs, node)
  return inputs.map((name) => (name === '' ? undefined : getValue(graph, name)))
}

/** The node's attributes with the row's defaults. */
function attributesOf(node: Node, { attributes: rows, supported = {} }: Decomposition): Attributes {
  for (const [name, value] of Object.entries(node.attributes)) {
    const [type] = Object.hasOwn(rows, name) ? (rows[name] ?? []) : []
    const found = JSON.stringify(value)
    if (!type)
      throw unsupported({ node }, `attribute "${name}" is not supported`, {
        expected: Object.keys(rows).join(', '),
        found,
      })
    if (!isOfType(value, type))
      throw unsupported({ node }, `attribute "${name}" is of another type`, { expected: type, found })
    const values = supported[name]
    if (values && !values.includes(value))
      throw unsupported({ node }, `attribute "${name}" has a value that is not supported`, {
        expected: values.map(String).join(' or '),
        found,
      })
  }
  return withDefaults(rows, node.attributes)
}

/** Throws for an output that a row does not compute; nothing where the output is not asked for. */
function notComputed(node: Node, i: number): undefined {
  const name = node.outputs[i]
  if (name !== '')
    throw unsupported({ node }, `output ${i} ("${name}") is not supported`, { fix: 'Export the model without it.' })
}
