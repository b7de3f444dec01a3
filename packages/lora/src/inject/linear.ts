// Linear layers of any graph: products with a matrix that the graph holds, biased or not, transposed or not, under
// whatever name an exporter left.

import { dataTypes, type Graph, getValue, type LinearNode, linearNodes, type Node } from '@cola/graph'

export interface LinearLayer extends Omit<LinearNode, 'add'> {
  /** Module name, as PEFT prints it: `encoder.layer.0.attention.self.query`. */
  readonly module: string
}

/** The linear layers of any floating-point type, by their modules' names. */
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
 * The layer that shares the token embeddings' matrix: by the exporter's word where that is a layer and not what holds
 * others, else transformers' lm_head.
 */
function tiedModule(graph: Graph, { scope }: Node): string {
  return scope === undefined || holdsOthers(graph, scope) ? 'lm_head' : scope
}

/** Whether a module has modules in it. */
export const holdsOthers = (graph: Graph, module: string): boolean =>
  [...graph.initializers.keys()].some((name) => name.startsWith(`${module}.`) && moduleOf(name) !== module)

/**
 * By the matrix's name, else the bias's, else the module that the exporter noted, else what the matrix is called. A
 * bias that lies in another module than the node is one that the exporter merged with an equal one.
 */
function moduleName({ scope }: Node, weight: string, bias: string | undefined): string {
  if (/\.(weight|bias)$/.test(weight)) return moduleOf(weight)
  const own = bias !== undefined && /\.(weight|bias)$/.test(bias) ? moduleOf(bias) : undefined
  if (own !== undefined && (scope === undefined || `.${own}.`.includes(`.${scope}.`) || scope.endsWith(`.${own}`)))
    return own
  return scope ?? weight
}

/** The module that a parameter belongs to. */
export const moduleOf = (parameter: string): string => parameter.replace(/\.[^.]+$/, '')
