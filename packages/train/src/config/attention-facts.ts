// What attention and its cache show of heads and widths: in attributes, in the shapes of inputs, behind projections.

import { cachesOf, consumersOf, getValue, type Graph, type LinearNode, linearNodes, type Node } from '@cola/graph'
import {
  headCounts,
  headSizes,
  headWidths,
  keyHeadCounts,
  ofLlama,
  productCounts,
  queryWidths,
} from './config-fields.ts'
import { anyOf, type ModelFact, type Shown } from './model-fact.ts'

/** Attributes of the runtime's and ONNX's attention. */
const inAttributes =
  (...names: readonly string[]) =>
  ({ nodes }: Graph): Shown[] =>
    nodes.flatMap(({ name, attributes }) =>
      names.flatMap((key) => {
        const value = attributes[key]
        return typeof value === 'number' && value > 0 ? [{ place: `node "${name}"`, found: [value] }] : []
      }),
    )

/** A fixed size of the inputs of the cache, [batch, heads, tokens, size]. */
const inCaches =
  (axis: 1 | 3) =>
  (graph: Graph): Shown[] =>
    cachesOf(graph).flatMap((name) => {
      const { shape } = getValue(graph, name)
      const size = shape.length === 4 ? shape[axis] : undefined
      return typeof size === 'number' ? [{ place: `input "${name}"`, found: [size] }] : []
    })

/** A linear layer with the path of its module. */
type Projection = LinearNode & { readonly module: string }

/** Linear layers whose module has one of the names, where the graph has transformers' names. */
const projections = (graph: Graph, names: readonly string[]): Projection[] =>
  [...(graph.metadata.model_type === undefined ? [] : linearNodes(graph).values())].flatMap((layer) => {
    const [, module, last = ''] = /^((?:.*\.)?(\w+))\.weight$/.exec(layer.weight) ?? []
    return module !== undefined && names.includes(last) ? [{ ...layer, module }] : []
  })

const queries = ['q_proj', 'query', 'q_lin']

const inProjections =
  (names: readonly string[], size: 'inFeatures' | 'outFeatures') =>
  (graph: Graph): Shown[] =>
    projections(graph, names).map((layer) => ({ place: `"${layer.module}"`, found: [layer[size]] }))

/** Operators between a projection and its heads. */
const passing = new Set(['Add', 'Mul', 'Reshape', 'Identity'])

/** The heads that a projection is divided into, by the first value that has an axis of them and one of their size. */
function headsBehind(graph: Graph, readers: ReadonlyMap<string, readonly Node[]>, layer: Projection): number[] {
  const after = (name: string, steps: number): number[] =>
    steps === 0
      ? []
      : (readers.get(name) ?? []).flatMap(({ opType, outputs: [output = ''] }) => {
          if (!passing.has(opType)) return []
          const shape = graph.values.get(output)?.shape ?? []
          const [heads, size] = shape.slice(-2)
          const areHeads = typeof heads === 'number' && typeof size === 'number' && heads * size === layer.outFeatures
          return shape.length === 4 && areHeads ? [heads] : after(output, steps - 1)
        })
  return after(layer.node.outputs[0] as string, 4).slice(0, 1)
}

const behindProjections =
  (names: readonly string[]) =>
  (graph: Graph): Shown[] => {
    const readers = consumersOf(graph)
    return projections(graph, names).flatMap((layer) =>
      headsBehind(graph, readers, layer).map((heads) => ({ place: `"${layer.module}"`, found: [heads] })),
    )
  }

/** Products of queries and keys, and of scores and values, [batch, heads, tokens, ...]: one with such heads is enough. */
function inProducts({ nodes, inputs, initializers, values }: Graph): Shown[] {
  const [batch] = inputs.flatMap((name) => values.get(name)?.shape.slice(0, 1) ?? [])
  const found = nodes.flatMap(({ opType, inputs: factors, outputs: [output = ''], name }) => {
    if (opType !== 'MatMul' || factors.some((factor) => initializers.has(factor))) return []
    const shape = values.get(output)?.shape ?? []
    const [first, heads] = shape
    return shape.length === 4 && first === batch && typeof heads === 'number' ? [[name, heads] as const] : []
  })
  return anyOf(found)
}

const [ofHeads, ofKeyHeads] = ['number of heads', 'number of heads of keys']

/** Rows of the table. */
export const attentionFacts: readonly ModelFact[] = [
  { what: ofHeads, said: headCounts, shown: inAttributes('num_heads', 'q_num_heads') },
  { what: ofKeyHeads, said: keyHeadCounts, shown: inAttributes('kv_num_heads') },
  { what: ofKeyHeads, said: keyHeadCounts, shown: inCaches(1) },
  { what: 'size of a head', said: headSizes, shown: inCaches(3) },
  { what: 'width', said: queryWidths, shown: inProjections(queries, 'inFeatures') },
  { what: ofHeads, said: headCounts, shown: behindProjections(queries) },
  { what: ofHeads, said: productCounts, shown: inProducts },
  { what: ofKeyHeads, said: ofLlama(keyHeadCounts), shown: behindProjections(['k_proj']) },
  {
    what: `${ofHeads} times their size`,
    said: headWidths(headCounts),
    shown: inProjections(['q_proj'], 'outFeatures'),
  },
  {
    what: `${ofKeyHeads} times their size`,
    said: headWidths(keyHeadCounts),
    shown: inProjections(['k_proj'], 'outFeatures'),
  },
]
