// Linear layers of any graph: products with a matrix that the graph holds, biased or not, transposed or not, under whatever name an exporter left.

import { dataTypes, type Graph, getValue, type LinearNode, linearNodes, type Node } from '@cola/graph'

export interface LinearLayer extends Omit<LinearNode, 'add'> {
  /** Module name, as PEFT prints it: `encoder.layer.0.attention.self.query`. */
  readonly module: string
}

/** The linear layers of any floating-point type, by their modules' names. */
export function linearLayers(graph: Graph): LinearLayer[] {
  const lookedUp = new Set(graph.nodes.filter(({ opType }) => opType === 'Gather').map(({ inputs }) => inputs[0] as string))
  return [...linearNodes(graph).values()]
    .filter(({ weight }) => dataTypes[getValue(graph, weight).dtype].float)
    .map(({ add: _, ...layer }) => ({ ...layer, module: lookedUp.has(layer.weight) ? tiedHead : moduleName(layer.node, layer.weight, layer.bias) }))
}

/** What transformers calls the layer that shares the token embeddings' matrix. */
const tiedHead = 'lm_head'

/** By the matrix's name, else the bias's, else the module that the exporter noted or put in the node's path (`/encoder/layer.0/query/MatMul`), else what the matrix is called. */
function moduleName(node: Node, weight: string, bias: string | undefined): string {
  for (const parameter of [weight, bias ?? '']) if (/\.(weight|bias)$/.test(parameter)) return moduleOf(parameter)
  if (node.scope) return node.scope
  const path = node.name.split('/').filter(Boolean)
  return node.name.startsWith('/') && path.length > 1 ? path.slice(0, -1).join('.') : weight
}

/** The module that a parameter belongs to. */
export const moduleOf = (parameter: string): string => parameter.replace(/\.[^.]+$/, '')
