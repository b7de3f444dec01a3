// The hidden states of an exported model: what its own head, or none, reads.

import { type Graph, getValue, producersOf, type Node, type Value } from '@cola/graph'
import { linearLayers, moduleOf } from '../inject/linear.ts'
import { basePathOf, isHeadModule } from './names.ts'

/** What exporters call them. */
const outputNames = ['last_hidden_state', 'hidden_states', 'token_embeddings']

/** Operators that choose or arrange elements and compute nothing. */
const views = new Set([
  'Reshape',
  'Gather',
  'GatherND',
  'Slice',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Identity',
  'Cast',
  'Dropout',
  'Transpose',
])

/** Whether a value can be hidden states: [batch, sequence, width] of a known width. */
export const isHidden = ({ shape, dtype }: Value): boolean =>
  shape.length === 3 && typeof shape[2] === 'number' && dtype.startsWith('float')

/** Whether a value can be hidden states of a packed batch: [token, width] of a known width. */
export const isPacked = ({ name, shape, dtype }: Value): boolean =>
  outputNames.includes(name) && shape.length === 2 && typeof shape[1] === 'number' && dtype.startsWith('float')

/**
 * The base model's last hidden states: an output of that name, else what the model's head (classification, language
 * model, pooler) reads, else the first output. Undefined where nothing of the kind is [batch, sequence, width].
 */
export function hiddenStates(graph: Graph): Value | undefined {
  const named = outputNames.find((name) => graph.outputs.includes(name))
  if (named !== undefined) return getValue(graph, named)
  const makers = producersOf(graph)
  const entries = headEntries(graph)
  if (entries.length === 0) {
    const [first] = graph.outputs.map((name) => getValue(graph, name))
    return first && isHidden(first) ? first : lastParametrized(graph, makers, graph.outputs)
  }
  const read = entries.map((name) => throughViews(graph, makers, name)).filter((value) => value !== undefined)
  const order = new Map(graph.nodes.flatMap(({ outputs }, i) => outputs.map((name) => [name, i] as const)))
  return (
    read.toSorted((a, b) => (order.get(b.name) ?? -1) - (order.get(a.name) ?? -1))[0] ??
    lastParametrized(graph, makers, entries)
  )
}

/** The values computed by the base model that a head's first nodes read. */
function headEntries(graph: Graph): string[] {
  const base = basePathOf(graph) ?? ''
  const layers = new Map(linearLayers(graph).map(({ node, module }) => [node, module]))
  const ofHead = (name: string): boolean =>
    graph.initializers.has(name) && /[._](weight|bias)$/.test(name) && isHeadModule(moduleOf(name), base)
  const made = new Set<string>()
  const constant = constants(graph)
  const entries: string[] = []
  for (const node of graph.nodes) {
    const module = layers.get(node)
    const own = module === undefined ? node.inputs.some(ofHead) : isHeadModule(module, base)
    if (!own && !node.inputs.some((name) => made.has(name))) continue
    for (const name of node.outputs) made.add(name)
    if (own) entries.push(...node.inputs.filter((name) => name !== '' && !made.has(name) && !constant.has(name)))
  }
  return entries
}

/** Values that depend on no input. */
function constants(graph: Graph): Set<string> {
  const known = new Set(graph.initializers.keys())
  for (const { inputs, outputs } of graph.nodes)
    if (inputs.every((name) => name === '' || known.has(name))) for (const name of outputs) known.add(name)
  return known
}

function throughViews(graph: Graph, makers: ReadonlyMap<string, Node>, name: string): Value | undefined {
  for (let at: string | undefined = name; at !== undefined; ) {
    const value = getValue(graph, at)
    const maker = makers.get(at)
    // A part of a sequence is no end: the rows of a Gather have the width too.
    const more =
      maker && views.has(maker.opType) && maker.opType !== 'Reshape'
        ? throughViews(graph, makers, maker.inputs[0] as string)
        : undefined
    if (more) return more
    if (isHidden(value)) return value
    at = maker && views.has(maker.opType) ? maker.inputs[0] : undefined
  }
  return undefined
}

/** Of what values are made of, the last that a node with a parameter made: behind it there is only pooling. */
function lastParametrized(
  graph: Graph,
  makers: ReadonlyMap<string, Node>,
  names: readonly string[],
): Value | undefined {
  const needed = new Set(names)
  const parameter = (name: string) => graph.initializers.has(name) && /[._](weight|bias)$/.test(name)
  for (const node of [...graph.nodes].reverse()) {
    const output = node.outputs.find((name) => needed.has(name))
    if (output === undefined) continue
    if (node.inputs.some(parameter)) {
      const value = getValue(graph, output)
      return isHidden(value) ? value : undefined
    }
    for (const name of node.inputs) if (makers.has(name)) needed.add(name)
  }
  return undefined
}
