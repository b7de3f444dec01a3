// Finds the last hidden states of an exported model, with or without a head.

import { type Graph, getValue, producersOf, type Node, type Value } from '@cola/graph'
import { linearLayers, moduleOf } from '../inject/linear.ts'
import { basePathOf, isHeadModule } from './module-paths.ts'

/** Names that exporters give the output of hidden states. */
const outputNames = ['last_hidden_state', 'hidden_states', 'token_embeddings']

/** Operators that select or rearrange elements and compute nothing. */
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

/** Whether a value has the shape of hidden states: [batch, sequence, width] with a known width. */
export const isHidden = ({ shape, dtype }: Value): boolean =>
  shape.length === 3 && typeof shape[2] === 'number' && dtype.startsWith('float')

/** Whether a value is hidden states of a packed batch: [token, width] with a known width. */
export const isPacked = ({ name, shape, dtype }: Value): boolean =>
  outputNames.includes(name) && shape.length === 2 && typeof shape[1] === 'number' && dtype.startsWith('float')

/**
 * The base model's last hidden states: an output of that name, else the input of the model's head (classification,
 * language model, pooler), else the first output. Undefined where no such value is [batch, sequence, width].
 */
export function hiddenStates(graph: Graph): Value | undefined {
  const named = outputNames.find((name) => graph.outputs.includes(name))
  if (named !== undefined) return getValue(graph, named)
  const producers = producersOf(graph)
  const entries = headEntries(graph)
  if (entries.length === 0) {
    const [first] = graph.outputs.map((name) => getValue(graph, name))
    return first && isHidden(first) ? first : lastParametrized(graph, producers, graph.outputs)
  }
  const candidates = entries.map((name) => throughViews(graph, producers, name)).filter((value) => value !== undefined)
  const order = new Map(graph.nodes.flatMap(({ outputs }, i) => outputs.map((name) => [name, i] as const)))
  return (
    candidates.toSorted((a, b) => (order.get(b.name) ?? -1) - (order.get(a.name) ?? -1))[0] ??
    lastParametrized(graph, producers, entries)
  )
}

/** The values of the base model that are inputs of the head. */
function headEntries(graph: Graph): string[] {
  const base = basePathOf(graph) ?? ''
  const layers = new Map(linearLayers(graph).map(({ node, module }) => [node, module]))
  const isHeadParameter = (name: string): boolean =>
    graph.initializers.has(name) && /[._](weight|bias)$/.test(name) && isHeadModule(moduleOf(name), base)
  const headValues = new Set<string>()
  const constant = constants(graph)
  const entries: string[] = []
  for (const node of graph.nodes) {
    const module = layers.get(node)
    const isHead = module === undefined ? node.inputs.some(isHeadParameter) : isHeadModule(module, base)
    if (!isHead && !node.inputs.some((name) => headValues.has(name))) continue
    for (const name of node.outputs) headValues.add(name)
    if (isHead)
      entries.push(...node.inputs.filter((name) => name !== '' && !headValues.has(name) && !constant.has(name)))
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

/** The hidden states that a value was selected from: follows views towards the inputs of the graph. */
function throughViews(graph: Graph, producers: ReadonlyMap<string, Node>, name: string): Value | undefined {
  for (let current: string | undefined = name; current !== undefined; ) {
    const value = getValue(graph, current)
    const producer = producers.get(current)
    // A selected part of a sequence may have the shape of hidden states too, so its source comes first.
    const source =
      producer && views.has(producer.opType) && producer.opType !== 'Reshape'
        ? throughViews(graph, producers, producer.inputs[0] as string)
        : undefined
    if (source) return source
    if (isHidden(value)) return value
    current = producer && views.has(producer.opType) ? producer.inputs[0] : undefined
  }
  return undefined
}

/** The last output of a node with a parameter among the ancestors of the values: only pooling follows it. */
function lastParametrized(
  graph: Graph,
  producers: ReadonlyMap<string, Node>,
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
    for (const name of node.inputs) if (producers.has(name)) needed.add(name)
  }
  return undefined
}
