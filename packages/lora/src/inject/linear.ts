// The linear layers of any graph: MatMul or Gemm with an initializer, with or without bias, transposed or not, whatever
// name the exporter gave it.

import { dataTypes, type Graph, getValue, type LinearNode, linearNodes, type Node } from '@cola/graph'

export interface LinearLayer extends Omit<LinearNode, 'add'> {
  /** Module name, as PEFT prints it: `encoder.layer.0.attention.self.query`. */
  readonly module: string
}

/** The linear layers, of any floating-point type, with the names of their modules. */
export function linearLayers(graph: Graph): LinearLayer[] {
  const lookedUp = new Set(
    graph.nodes.filter(({ opType }) => opType === 'Gather').map(({ inputs }) => inputs[0] as string),
  )
  return [...linearNodes(graph).values()]
    .filter(({ weight }) => dataTypes[getValue(graph, weight).dtype].float)
    .map(({ add: _, ...layer }) => ({
      ...layer,
      module: lookedUp.has(layer.weight)
        ? tiedModule(graph, layer.node)
        : moduleName(layer.node, layer.weight, layer.bias),
    }))
}

/**
 * Module of the layer that shares the token embeddings' matrix: the exporter's scope of the node where that is a leaf
 * module, else transformers' lm_head.
 */
function tiedModule(graph: Graph, { scope }: Node): string {
  return scope === undefined || hasSubmodules(graph, scope) ? 'lm_head' : scope
}

/** Whether a module contains other modules. */
export const hasSubmodules = (graph: Graph, module: string): boolean =>
  [...graph.initializers.keys()].some((name) => name.startsWith(`${module}.`) && moduleOf(name) !== module)

/**
 * Module of a linear layer: from the matrix's name, else the bias's, else the exporter's scope, else the matrix's name
 * as it is. A bias of another module than the scope is one that the exporter merged with an equal bias.
 */
function moduleName({ scope }: Node, weight: string, bias: string | undefined): string {
  if (/\.(weight|bias)$/.test(weight)) return moduleOf(weight)
  const biasModule = bias !== undefined && /\.(weight|bias)$/.test(bias) ? moduleOf(bias) : undefined
  if (
    biasModule !== undefined &&
    (scope === undefined || `.${biasModule}.`.includes(`.${scope}.`) || scope.endsWith(`.${biasModule}`))
  )
    return biasModule
  return scope ?? weight
}

/** The module that a parameter belongs to. */
export const moduleOf = (parameter: string): string => parameter.replace(/\.[^.]+$/, '')
