// Finds the modules of linear layers that quantization separated from their names. PyTorch's newer exporter gives a
// matrix without a bias a name such as `val_79` and writes its module at the product; onnxruntime's quantization puts
// another operator in the product's place and drops what is written there.

import { consumersOf, type Graph, type Node, producersOf } from '@cola/graph'
import { embeddingLayers } from '../inject/embedding.ts'
import { type LinearLayer, linearLayers, moduleOf } from '../inject/linear.ts'
import { isParameter, scopes, split } from './module-paths.ts'

/** The linear layers of a module, in the order in which transformers calls them. */
type Calls = Readonly<Record<string, readonly string[]>>

const llama: Calls = {
  self_attn: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
  mlp: ['gate_proj', 'up_proj', 'down_proj'],
}

/** Types whose layers have other names than Llama's, of those with linear layers that have no bias. */
const families: Readonly<Record<string, Calls>> = {
  falcon: { self_attention: ['query_key_value', 'dense'], mlp: ['dense_h_to_4h', 'dense_4h_to_h'] },
  gpt_neo: { attention: ['q_proj', 'k_proj', 'v_proj', 'out_proj'] },
  gptj: { attn: ['q_proj', 'k_proj', 'v_proj', 'out_proj'] },
  modernbert: { attn: ['Wqkv', 'Wo'], mlp: ['Wi', 'Wo'] },
  mpt: { attn: ['Wqkv', 'out_proj'], ffn: ['up_proj', 'down_proj'] },
  phi3: { self_attn: ['qkv_proj', 'o_proj'], mlp: ['gate_up_proj', 'down_proj'] },
}

/**
 * Gives linear layers without a name the scope of their module, in place: the module of the bias behind their product;
 * else the one of the operators around them that has as many linear layers as transformers' class, in their order; else
 * the head. What fits none of these stays as it is.
 */
export function restoreScopes(graph: Graph, model_type: string): void {
  if (scopes(graph).length === 0) return
  const layers = linearLayers(graph)
  const lost = layers.filter(
    ({ node, module, weight }) => node.scope === undefined && module === weight && !isParameter(weight),
  )
  if (lost.length === 0) return
  const around = surroundings(graph, new Set(layers.map(({ node }) => node)))
  const found = new Map<Node, string>()
  for (const { node } of lost) {
    const bias = around.biasOf(node)
    if (bias !== undefined) found.set(node, moduleOf(bias))
  }
  const rest = lost.filter(({ node }) => !found.has(node))
  const calls = families[model_type] ?? llama
  for (const [path, members] of groupBy(rest, ({ node }) => containerOf(around.scopesOf(node), calls)))
    for (const [layer, name] of named(path, members, layers, calls)) found.set(layer.node, `${path}.${name}`)
  const [head, ...others] = rest.filter(({ node }) => !found.has(node) && around.isLast(node))
  if (head && others.length === 0) found.set(head.node, headName(graph, head))
  graph.nodes = graph.nodes.map((node) => (found.has(node) ? { ...node, scope: found.get(node) as string } : node))
}

/** What is around a product, behind nodes that have no scope either. */
function surroundings(graph: Graph, products: ReadonlySet<Node>) {
  const [consumers, producers] = [consumersOf(graph), producersOf(graph)]
  /** Nodes that read a node's result, directly or behind nodes without a scope. */
  const after = (node: Node): Node[] =>
    node.outputs
      .flatMap((output) => consumers.get(output) ?? [])
      .flatMap((next) => (next.scope !== undefined || products.has(next) ? [next] : [next, ...after(next)]))
  const before = (node: Node): Node[] => {
    const source = producers.get(node.inputs[0] ?? '')
    return !source || products.has(source) ? [] : [source, ...(source.scope === undefined ? before(source) : [])]
  }
  const scopesIn = (nodes: readonly Node[]): string[] => nodes.flatMap(({ scope }) => scope ?? [])
  return {
    /** The scopes of the next operators, then of the one before. */
    scopesOf: (node: Node): string[] => [...scopesIn(after(node)), ...scopesIn(before(node))],
    /** The bias that is added to what a product's result is cut to. */
    biasOf(node: Node): string | undefined {
      const add = after(node).find(({ opType }) => opType === 'Add')
      return add?.inputs.find((name) => graph.initializers.get(name)?.dims.length === 1 && /\.bias$/.test(name))
    },
    /** Whether a product gives an output of the graph, and no module reads it. */
    isLast: (node: Node): boolean =>
      scopesIn(after(node)).length === 0 &&
      [node, ...after(node)].some(({ outputs }) => outputs.some((name) => graph.outputs.includes(name))),
  }
}

/** The innermost module of the first scope that has linear layers by the table. */
function containerOf(found: readonly string[], calls: Calls): string | undefined {
  for (const scope of found) {
    const parts = split(scope)
    const last = parts.findLastIndex((part) => Object.hasOwn(calls, part))
    if (last >= 0) return parts.slice(0, last + 1).join('.')
  }
  return undefined
}

/** The names of a module's lost layers: those that its other layers have not. */
function named(
  path: string,
  lost: readonly LinearLayer[],
  layers: readonly LinearLayer[],
  calls: Calls,
): [LinearLayer, string][] {
  const names = calls[split(path).at(-1) as string] as readonly string[]
  const taken = layers.filter(({ module }) => module.startsWith(`${path}.`)).map(({ module }) => split(module).at(-1))
  const free = names.filter((name) => !taken.includes(name))
  if (free.length !== lost.length || taken.length + free.length !== names.length) return []
  return lost
    .toSorted((a, b) => placeOf(a) - placeOf(b))
    .map((layer, i): [LinearLayer, string] => [layer, free[i] as string])
}

/** The exporter numbers the constants that it makes in the order of the calls. */
const placeOf = ({ weight }: LinearLayer): number => Number(/\d+(?=\D*$)/.exec(weight)?.[0] ?? 0)

/** A head with a row for each token is a language model's; a classifier of a decoder is called `score`. */
function headName(graph: Graph, { outFeatures }: LinearLayer): string {
  const isLanguageModel = embeddingLayers(graph).some(({ num_embeddings }) => num_embeddings === outFeatures)
  return isLanguageModel ? 'lm_head' : 'score'
}

/** Items by their keys, without those that have none. */
function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string | undefined): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}
