// Restores PyTorch's layout of parameters that an exporter changed: transposed or copied matrices of linear layers, and
// equal vectors that were merged.

import { addInitializer, type Graph, type Node, prune, consumersOf, type Tensor, transposeTensor } from '@cola/graph'
import { isLookup } from '../inject/embedding.ts'
import { type LinearLayer, linearLayers } from '../inject/linear.ts'

/** Transposes matrices [in, out] of linear layers to nn.Linear's [out, in]. Changes the graph in place. */
export function asLinear(graph: Graph, matrices: ReadonlySet<string>): void {
  const readers = consumersOf(graph)
  const transposedNames = new Set(
    linearLayers(graph)
      .filter(({ weight, transposed }) => matrices.has(weight) && !transposed)
      .map(({ weight }) => weight)
      .filter((weight) =>
        readers
          .get(weight)
          ?.every(
            ({ opType, inputs }) => opType === 'Gemm' && inputs.lastIndexOf(weight) === 1 && inputs[0] !== weight,
          ),
      ),
  )
  for (const name of transposedNames) {
    const matrix = transposeTensor(graph.initializers.get(name) as Tensor)
    graph.initializers.set(name, matrix)
    graph.values.set(name, { name, dtype: matrix.dtype, shape: matrix.dims })
  }
  graph.nodes = graph.nodes.map((node) =>
    transposedNames.has(node.inputs[1] ?? '') ? { ...node, attributes: { ...node.attributes, transB: 1 } } : node,
  )
}

/**
 * Transposes matrices that are looked up through a Transpose, because the file has them as a tied head reads them.
 * Changes the graph in place.
 */
export function asEmbedding(graph: Graph): void {
  const readers = consumersOf(graph)
  for (const { opType, inputs, outputs } of graph.nodes) {
    const [matrix, turned] = [inputs[0] as string, outputs[0] as string]
    const data = opType === 'Transpose' ? graph.initializers.get(matrix) : undefined
    const lookups = readers.get(turned) ?? []
    const products = (readers.get(matrix) ?? []).filter((node) => node.opType !== 'Transpose')
    if (data?.dims.length !== 2 || lookups.length === 0 || !lookups.every((node) => isLookup(node, turned))) continue
    if (!products.every((node) => node.opType === 'Gemm' && node.inputs.lastIndexOf(matrix) === 1)) continue
    const table = transposeTensor(data)
    graph.initializers.set(matrix, table)
    graph.values.set(matrix, { name: matrix, dtype: table.dtype, shape: table.dims })
    graph.nodes = graph.nodes.map((node) => {
      if (products.includes(node))
        return { ...node, attributes: { ...node.attributes, transB: Number(!node.attributes.transB) } }
      return lookups.includes(node) ? { ...node, inputs: [matrix, ...node.inputs.slice(1)] } : node
    })
  }
  prune(graph)
}

/**
 * Gives a module that is called several times (ALBERT's layers) one matrix where the exporter wrote a copy for each
 * call; otherwise training and merging would change one copy only. Changes the graph in place.
 */
export function oneMatrix(graph: Graph): void {
  const firsts = new Map<string, LinearLayer>()
  const copies = new Map<Node, LinearLayer>()
  for (const layer of linearLayers(graph)) {
    const first = firsts.get(layer.module)
    if (first === undefined) firsts.set(layer.module, layer)
    else if (layer.node.opType === 'Gemm' && first.weight !== layer.weight && isCopy(graph, layer, first))
      copies.set(layer.node, first)
  }
  graph.nodes = graph.nodes.map((node) => {
    const first = copies.get(node)
    if (first === undefined) return node
    const { weight, transposed } = first
    const inputs = node.inputs.map((name, i) => (i === 1 ? weight : name))
    return { ...node, inputs, attributes: { ...node.attributes, transB: Number(transposed) } }
  })
  if (copies.size > 0) prune(graph)
}

/** Whether the matrices of two layers are equal, up to transposition. */
function isCopy({ initializers }: Graph, a: LinearLayer, b: LinearLayer): boolean {
  const [first, second] = [a, b].map(({ weight }) => initializers.get(weight)) as [Tensor, Tensor]
  const aligned = a.transposed === b.transposed ? second : transposeTensor(second)
  if (first.dtype !== aligned.dtype || first.dims.join() !== aligned.dims.join()) return false
  const [x, y] = [first.bytes(), aligned.bytes()]
  return x.every((byte, i) => byte === y[i])
}

/** Parameter names of the vectors among a node's inputs, by input index. */
const vectors: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Gemm: { 2: 'bias' },
  LayerNormalization: { 1: 'weight', 2: 'bias' },
}

/**
 * Gives each module a vector of its own where the exporter merged equal ones (zero biases, unit gains); otherwise they
 * would be trained as one. Changes the graph in place.
 */
export function ownVectors(graph: Graph): void {
  const separate = (name: string, scope: string, kind: string): string => {
    const data = graph.initializers.get(name)
    const [, module] = /^(.*)\.(?:weight|bias)$/.exec(name) ?? []
    const wanted = `${scope}.${kind}`
    if (data?.dims.length !== 1 || (module !== undefined && (contains(module, scope) || contains(scope, module))))
      return name
    if (!graph.values.has(wanted)) addInitializer(graph, wanted, data)
    return graph.initializers.has(wanted) ? wanted : name
  }
  graph.nodes = graph.nodes.map((node): Node => {
    const kinds = vectors[node.opType]
    if (!kinds || !node.scope) return node
    return {
      ...node,
      inputs: node.inputs.map((name, i) => (kinds[i] ? separate(name, node.scope as string, kinds[i]) : name)),
    }
  })
}

/** Whether a module path contains another; scopes lack modules that are not called themselves. */
const contains = (path: string, part: string): boolean => `.${path}.`.includes(`.${part}.`)
