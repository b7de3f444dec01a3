// Parameters as PyTorch lays them out, where an exporter changed them: matrices of linear layers transposed or copied,
// equal vectors merged.

import { addInitializer, elements, type Graph, type Node, prune, consumersOf, type Tensor, tensor } from '@cola/graph'
import { type LinearLayer, linearLayers } from '../inject/linear.ts'

/** A matrix transposed when it is asked for: its bytes may be in a file. */
export function transposeTensor({ dtype, dims, ...source }: Tensor): Tensor {
  const [rows, columns] = dims as [number, number]
  const turned = (): Tensor => {
    const values = elements({ dtype, dims, ...source })
    const result = values.slice()
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        result[column * rows + row] = values[row * columns + column] as never
    return tensor(dtype, [columns, rows], result)
  }
  return { dtype, dims: [columns, rows], bytes: () => turned().bytes() }
}

/** Brings, in place, matrices that linear layers read as [in, out] to nn.Linear's [out, in]. */
export function asLinear(graph: Graph, matrices: ReadonlySet<string>): void {
  const readers = consumersOf(graph)
  const turned = new Set(
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
  for (const name of turned) {
    const matrix = transposeTensor(graph.initializers.get(name) as Tensor)
    graph.initializers.set(name, matrix)
    graph.values.set(name, { name, dtype: matrix.dtype, shape: matrix.dims })
  }
  graph.nodes = graph.nodes.map((node) =>
    turned.has(node.inputs[1] ?? '') ? { ...node, attributes: { ...node.attributes, transB: 1 } } : node,
  )
}

/**
 * Gives, in place, a module that is called several times (ALBERT's layers) one matrix where the exporter folded a copy
 * for each call: what is trained or merged would be one of them.
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

/** Whether two layers compute with the same numbers, either matrix transposed or not. */
function isCopy({ initializers }: Graph, a: LinearLayer, b: LinearLayer): boolean {
  const [first, second] = [a, b].map(({ weight }) => initializers.get(weight)) as [Tensor, Tensor]
  const turned = a.transposed === b.transposed ? second : transposeTensor(second)
  if (first.dtype !== turned.dtype || first.dims.join() !== turned.dims.join()) return false
  const [x, y] = [first.bytes(), turned.bytes()]
  return x.every((byte, i) => byte === y[i])
}

/** What the vectors among a node's inputs are called in its module. */
const vectors: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Gemm: { 2: 'bias' },
  LayerNormalization: { 1: 'weight', 2: 'bias' },
}

/**
 * Gives, in place, each module its own vector where the exporter merged equal ones (biases of zeros, gains of ones):
 * trained, they would be one.
 */
export function ownVectors(graph: Graph): void {
  const own = (name: string, scope: string, kind: string): string => {
    const data = graph.initializers.get(name)
    const [, module] = /^(.*)\.(?:weight|bias)$/.exec(name) ?? []
    const wanted = `${scope}.${kind}`
    if (data?.dims.length !== 1 || (module !== undefined && (holds(module, scope) || holds(scope, module)))) return name
    if (!graph.values.has(wanted)) addInitializer(graph, wanted, data)
    return graph.initializers.has(wanted) ? wanted : name
  }
  graph.nodes = graph.nodes.map((node): Node => {
    const kinds = vectors[node.opType]
    if (!kinds || !node.scope) return node
    return {
      ...node,
      inputs: node.inputs.map((name, i) => (kinds[i] ? own(name, node.scope as string, kinds[i]) : name)),
    }
  })
}

/** Whether one path has all of another, at dots; notes leave out modules that are not called themselves. */
const holds = (path: string, part: string): boolean => `.${path}.`.includes(`.${part}.`)
