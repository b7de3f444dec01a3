// Parameters as PyTorch lays them out, where an exporter changed them: matrices of linear layers transposed, equal
// vectors merged.

import { addInitializer, elements, type Graph, type Node, readersOf, type Tensor, tensor } from '@cola/graph'
import { linearLayers } from '../inject/linear.ts'

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
  const readers = readersOf(graph)
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
