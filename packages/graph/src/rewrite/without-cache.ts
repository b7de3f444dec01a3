// Removes a decoder's cache, keys and values of attention and states of convolutions: training computes whole texts, so
// that nothing comes before them.

import { requireKind } from '../door.ts'
import { UnsupportedOperatorError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import { addInitializer, cloneGraph, getValue, type Graph, type Node, uniqueName } from '../ir/graph.ts'
import { pastKey, pastValue } from '../ops/attention.ts'
import { tensorOf } from '../tensor/tensor.ts'
import { fusedName } from './decompositions/decomposition.ts'

/** Inputs of operators that hold past keys and values, or the past tokens of a convolution. */
const cacheInputs: Readonly<Record<string, readonly number[]>> = {
  Attention: [4, 5],
  'com.microsoft.Attention': [4],
  'com.microsoft.CausalConvWithState': [3],
  'com.microsoft.GroupQueryAttention': [pastKey, pastValue],
  'com.microsoft.MultiHeadAttention': [6, 7],
}

/** Names of inputs with what is past, and of outputs with what is past and present. */
const [pastName, presentName] = [/^past([._]|$)/, /^present([._]|$)/]

/** The inputs of a decoded graph that hold what is past, by name or by the operator that reads them. */
export function cachesOf(graph: Graph): string[] {
  requireKind('cachesOf, graph', graph, 'graph')
  const read = new Set(
    graph.nodes.flatMap((node) => (cacheInputs[fusedName(node)] ?? []).map((i) => node.inputs[i] ?? '')),
  )
  const isCache = (name: string): boolean =>
    read.has(name) || (pastName.test(name) && (rankOf(graph, name) >= 4 || isState(graph, name)))
  return graph.inputs.filter(isCache)
}

/**
 * The caches that have one size, however many tokens are past: of a convolution the last few, [batch, channels, tokens].
 * They begin as zeros.
 */
export function statesOf(graph: Graph): string[] {
  requireKind('statesOf, graph', graph, 'graph')
  return cachesOf(graph).filter((name) => isState(graph, name))
}

function isState(graph: Graph, name: string): boolean {
  const [, ...sizes] = getValue(graph, name).shape
  return sizes.length === 2 && sizes.every((size) => typeof size === 'number')
}

const rankOf = (graph: Graph, name: string): number => getValue(graph, name).shape.length

/**
 * A copy of a decoded graph (see `decodeGraph`) without inputs of what is past and without outputs of what is present;
 * the graph itself if it has none. An attention mask then is as long as the text.
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
  const states = new Set(statesOf(original).filter((name) => !isReadAsCache(original, name)))
  for (const name of states) addZeros(graph, name, ids)
  /** Each cache, and the values that hold it alone, by the input that they are. */
  const held = new Map([...caches].filter((name) => !states.has(name)).map((name) => [name, name]))
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

/** Whether operators read a cache in an input for it, which can be left out. */
const isReadAsCache = ({ nodes }: Graph, name: string): boolean =>
  nodes.every(
    ({ inputs, ...node }) => !inputs.includes(name) || cacheInputs[fusedName(node)]?.includes(inputs.indexOf(name)),
  )

/** Makes the state of before the first token in place of an input: zeros. */
function addZeros(graph: Graph, name: string, ids: string | undefined): void {
  const { dtype, shape } = getValue(graph, name)
  const { nodes, output } = emptyShape(graph, name, shape, ids)
  const zero = addInitializer(graph, uniqueName(graph, `${name}/zero`), tensorOf(dtype, [], [0])).name
  graph.nodes.push(...nodes, nodeOf('Expand', [zero, output], name))
}

const nodeOf = (opType: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  name: output,
  domain: '',
  opType,
  inputs,
  outputs: [output],
  attributes,
})

const integers = (graph: Graph, name: string, values: readonly number[]): string =>
  addInitializer(graph, uniqueName(graph, name), tensorOf('int64', [values.length], values)).name

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
    return emptyShapeFor(graph, node, getValue(graph, caches.get(node.inputs[0] as string) as string).shape, ids)
  throw new UnsupportedOperatorError({
    where: `node "${node.name}"`,
    what: `${fusedName(node)} reads the cache "${node.inputs.find((name) => caches.has(name))}"`,
    expected: 'attention, Concat or Shape',
    fix: 'Export the model without a cache of keys and values.',
  })
}

/** The Shape of an empty cache, or the part of it that a node reads. */
function emptyShapeFor(graph: Graph, node: Node, shape: readonly Dim[], ids: string): Node[] {
  const { nodes, output } = emptyShape(graph, node.name, shape, ids)
  const { start = 0, end = shape.length } = node.attributes
  const bounds = [start, end].map((at, i) => integers(graph, `${node.name}/${i}`, [Number(at)]))
  return [...nodes, { ...node, opType: 'Slice', inputs: [output, ...bounds], attributes: {} }]
}

/**
 * The shape of a cache before the first token: the text's batch, sizes that are fixed, and no token.
 * @returns Nodes that are named after `name`, and the value that they give.
 */
function emptyShape(graph: Graph, name: string, [batch, ...others]: readonly Dim[], ids: string | undefined) {
  const sizes = others.map((dim) => (typeof dim === 'number' ? dim : 0))
  const [rows, output] = [`${name}/batch`, `${name}/shape`]
  const first =
    typeof batch === 'number' || ids === undefined
      ? nodeOf('Identity', [integers(graph, `${name}/rows`, [Number(batch)])], rows)
      : nodeOf('Shape', [ids], rows, { start: 0, end: 1 })
  const nodes = [first, nodeOf('Concat', [rows, integers(graph, `${name}/sizes`, sizes)], output, { axis: 0 })]
  return { nodes, output }
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
