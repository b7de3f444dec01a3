// Linear layers of any graph: products with a matrix that the graph holds, biased or not, transposed or not, under whatever name an exporter left.

import { type Graph, type Node, getValue, makersOf, readersOf } from '@cola/graph'

export interface LinearLayer {
  /** The MatMul or Gemm. */
  readonly node: Node
  /** Module name, as PEFT prints it: `encoder.layer.0.attention.self.query`. */
  readonly module: string
  /** Initializer that holds the matrix. */
  readonly weight: string
  /** Initializer added to the product, where there is one. */
  readonly bias: string | undefined
  /** Whether the matrix is [out, in] (PyTorch's Linear: a Gemm with transB, or behind a Transpose) instead of [in, out] (Conv1D). */
  readonly transposed: boolean
  readonly in_features: number
  readonly out_features: number
}

/** MatMul and Gemm nodes whose second input is a matrix of the graph, read as it is or through a Transpose. */
export function linearLayers(graph: Graph): LinearLayer[] {
  const [makers, readers] = [makersOf(graph), readersOf(graph)]
  return graph.nodes.flatMap((node) => {
    if ((node.opType !== 'Gemm' && node.opType !== 'MatMul') || node.attributes.transA) return []
    const maker = makers.get(node.inputs[1] ?? '')
    const through = maker?.opType === 'Transpose' && swaps(maker) ? maker : undefined
    const weight = through?.inputs[0] ?? node.inputs[1] ?? ''
    const matrix = graph.initializers.get(weight)
    if (matrix?.dims.length !== 2 || getValue(graph, weight).dtype !== 'float32') return []
    const transposed = Boolean(node.attributes.transB) !== Boolean(through)
    const [rows, columns] = matrix.dims as [number, number]
    const [in_features, out_features] = transposed ? [columns, rows] : [rows, columns]
    const bias = node.inputs[2] ?? addedBias(graph, readers.get(node.outputs[0] as string) ?? [], out_features)
    return [{ node, module: moduleName(node, weight, bias), weight, bias, transposed, in_features, out_features }]
  })
}

const swaps = ({ attributes: { perm } }: Node): boolean => perm === undefined || String(perm) === '1,0'

/** A vector that the one node after a product adds to it. */
function addedBias(graph: Graph, readers: readonly Node[], size: number): string | undefined {
  const [add] = readers
  if (readers.length !== 1 || add?.opType !== 'Add') return undefined
  return add.inputs.find((name) => graph.initializers.get(name)?.dims.join() === String(size))
}

/** By the matrix's name, else the bias's, else the module that the exporter noted or put in the node's path (`/encoder/layer.0/query/MatMul`), else what the matrix is called. */
function moduleName(node: Node, weight: string, bias: string | undefined): string {
  for (const parameter of [weight, bias ?? '']) if (/\.(weight|bias)$/.test(parameter)) return moduleOf(parameter)
  if (node.scope) return node.scope
  const path = node.name.split('/').filter(Boolean)
  return node.name.startsWith('/') && path.length > 1 ? path.slice(0, -1).join('.') : weight
}

/** The module that a parameter belongs to. */
export const moduleOf = (parameter: string): string => parameter.replace(/\.[^.]+$/, '')

/** What can be targeted: one row a linear layer. */
export type LinearSummary = Omit<LinearLayer, 'node'>

/** Lists a model's linear layers, so that `target_modules` can be chosen from their names. */
export const inspect = ({ graph }: { graph: Graph }): LinearSummary[] => linearLayers(graph).map(({ node: _, ...summary }) => summary)
