// Removes a decoder's cache of keys and values: training computes whole texts, so that nothing comes before them.

import { requireKind } from '../door.ts'
import { UnsupportedOperatorError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import { addInitializer, cloneGraph, getValue, type Graph, type Node, uniqueName } from '../ir/graph.ts'
import { pastKey, pastValue } from '../ops/attention.ts'
import { tensorOf } from '../tensor/tensor.ts'
import { fusedName } from './decompositions/decomposition.ts'

/** Inputs of attention operators that hold past keys and values. */
const cacheInputs: Readonly<Record<string, readonly number[]>> = {
  Attention: [4, 5],
  'com.microsoft.Attention': [4],
  'com.microsoft.GroupQueryAttention': [pastKey, pastValue],
  'com.microsoft.MultiHeadAttention': [6, 7],
}

/** Names of inputs with past, and of outputs with past and present keys and values. */
const [pastName, presentName] = [/^past([._]|$)/, /^present([._]|$)/]

/** The inputs of a decoded graph that hold past keys and values, by name or by the attention that reads them. */
export function cachesOf(graph: Graph): string[] {
  requireKind('cachesOf, graph', graph, 'graph')
  const read = new Set(
    graph.nodes.flatMap((node) => (cacheInputs[fusedName(node)] ?? []).map((i) => node.inputs[i] ?? '')),
  )
  const isCache = (name: string): boolean => read.has(name) || (pastName.test(name) && rankOf(graph, name) >= 4)
  return graph.inputs.filter(isCache)
}

const rankOf = (graph: Graph, name: string): number => getValue(graph, name).shape.length

/**
 * A copy of a decoded graph (see `decodeGraph`) without inputs of past keys and values and without outputs of present
 * ones; the graph itself if it has none. An attention mask then is as long as the text.
 * @throws {UnsupportedOperatorError} for a cache that an operator reads in a way that is not known.
 */
export function withoutCache(original: Graph): Graph {
  requireKind('withoutCache, original', original, 'graph')
  const caches = new Set(cachesOf(original))
  if (caches.size === 0) return original
  const graph = cloneGraph(original)
  const ids = graph.inputs.find((name) => !caches.has(name) && rankOf(graph, name) === 2)
  const presents = new Set(
    graph.nodes.flatMap((node) => (cacheInputs[fusedName(node)] ? node.outputs.slice(1) : [])).filter(Boolean),
  )
  graph.nodes = []
  /** Each cache, and the values that hold it alone, by the input that they are. */
  const held = new Map([...caches].map((name) => [name, name]))
  for (const node of original.nodes) {
    const cache = heldBy(node, held)
    if (cache === undefined) graph.nodes.push(...withoutPast(graph, node, held, ids))
    else for (const name of node.outputs) held.set(name, cache)
  }
  graph.inputs = graph.inputs.filter((name) => !caches.has(name))
  graph.outputs = graph.outputs.filter((name) => !presentName.test(name) && !presents.has(name))
  for (const name of caches) graph.values.delete(name)
  shortenMasks(graph, ids)
  return graph
}

/** Caches by the names of the values that are them. */
type Held = ReadonlyMap<string, string>

/**
 * The cache that a node hands on, as TorchScript does with transformers' DynamicCache: a Concat of it alone, where the
 * cache that it is added to is empty.
 */
function heldBy({ domain, opType, inputs }: Node, held: Held): string | undefined {
  const handsOn =
    domain === '' && (['Identity', 'Cast'].includes(opType) || (opType === 'Concat' && inputs.length === 1))
  return handsOn ? held.get(inputs[0] as string) : undefined
}

/** The nodes that replace one which reads a cache. */
function withoutPast(graph: Graph, node: Node, caches: Held, ids: string | undefined): Node[] {
  if (!node.inputs.some((name) => caches.has(name))) return [node]
  const slots = cacheInputs[fusedName(node)]
  if (slots) return [{ ...node, inputs: node.inputs.map((name, i) => (slots.includes(i) ? '' : name)) }]
  if (node.domain === '' && node.opType === 'Concat')
    return [{ ...node, inputs: node.inputs.filter((name) => !caches.has(name)) }]
  if (node.domain === '' && node.opType === 'Shape' && ids !== undefined)
    return emptyShape(graph, node, getValue(graph, caches.get(node.inputs[0] as string) as string).shape, ids)
  throw new UnsupportedOperatorError({
    where: `node "${node.name}"`,
    what: `${fusedName(node)} reads the cache "${node.inputs.find((name) => caches.has(name))}"`,
    expected: 'attention, Concat or Shape',
    fix: 'Export the model without a cache of keys and values.',
  })
}

/** The shape of an empty cache: the text's batch, and no earlier token. */
function emptyShape(graph: Graph, node: Node, shape: readonly Dim[], ids: string): Node[] {
  const [batch, ...others] = shape
  const constant = (name: string, values: readonly number[]): string =>
    addInitializer(graph, uniqueName(graph, `${node.name}/${name}`), tensorOf('int64', [values.length], values)).name
  const rest = constant(
    'empty',
    others.map((dim) => (typeof dim === 'number' ? dim : 0)),
  )
  const { start = 0, end = shape.length } = node.attributes
  const whole = { ...node, opType: 'Concat', attributes: { axis: 0 } }
  const [first, all] = [`${node.name}/batch`, `${node.name}/shape`]
  const [from, to] = [constant('0', [Number(start)]), constant('1', [Number(end)])]
  return [
    typeof batch === 'number'
      ? {
          ...whole,
          name: first,
          opType: 'Identity',
          inputs: [constant('rows', [batch])],
          outputs: [first],
          attributes: {},
        }
      : { ...whole, name: first, opType: 'Shape', inputs: [ids], outputs: [first], attributes: { start: 0, end: 1 } },
    { ...whole, name: all, inputs: [first, rest], outputs: [all] },
    { ...whole, opType: 'Slice', inputs: [all, from, to], attributes: {} },
  ]
}

/** Gives masks [batch, past + sequence] the shape of the token ids. */
function shortenMasks(graph: Graph, ids: string | undefined): void {
  const columns = ids === undefined ? undefined : getValue(graph, ids).shape[1]
  if (columns === undefined) return
  for (const name of graph.inputs.filter((input) => /mask/.test(input) && rankOf(graph, input) === 2)) {
    const value = getValue(graph, name)
    graph.values.set(name, { ...value, shape: [value.shape[0] as Dim, columns] })
  }
}
