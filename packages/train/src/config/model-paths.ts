// The modules that a file's names tell of: those of parameters, and of the nodes that PyTorch's exporters name by path.

import type { Graph, Node } from '@cola/graph'

/** Module path of a node: its scope, or its name as `/model/layers.0/self_attn/MatMul` with dots. */
const pathOfNode = ({ scope, name }: Node): string =>
  scope ?? (name.startsWith('/') ? name.slice(1).replaceAll('/', '.') : '')

/** Paths of parameters, and of nodes with a dot at the end. */
export const modulePaths = ({ initializers, nodes }: Graph): string[] => [
  ...[...initializers.keys()].filter((name) => name.includes('.')),
  ...new Set(nodes.map((node) => `${pathOfNode(node)}.`)),
]

/**
 * A numbered module of a list of layers, `encoder.layer.3.`, by the first list of the path. onnxruntime-genai numbers
 * the normalization behind the layers as well.
 */
const numbered = /(?:^|\.)(?:layers?|h|blocks?|attentions)\.(\d+)\.(?!final_norm)/

/** Number of layers that the paths tell of, of the longest list; 0 if they tell of none. */
export function countLayers(paths: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const path of paths) {
    const match = numbered.exec(path)
    if (!match) continue
    const list = path.slice(0, match.index)
    counts.set(list, Math.max(counts.get(list) ?? 0, Number(match[1]) + 1))
  }
  return Math.max(0, ...counts.values())
}

/** The first product of ALBERT's layers, which share their weights; TorchScript numbers the calls of a module. */
const sharedProduct = /(^|\.)albert_layers\.0\.attention\.query(_\d+)?(\.\w+)?$/

/** Number of layers that share their weights, by the calls that the names tell of; 0 if they tell of none. */
export const countSharedLayers = ({ nodes }: Graph): number =>
  nodes.filter((node) => /MatMul|Gemm/.test(node.opType) && sharedProduct.test(pathOfNode(node))).length

/** Whether the names tell where each matrix is: optimizers and exporters may lose them. */
export const namesMatrices = ({ nodes, initializers }: Graph): boolean =>
  nodes.every(
    (node) =>
      pathOfNode(node).includes('.') ||
      node.inputs.every((name) => {
        const { dims } = initializers.get(name) ?? { dims: [] }
        return dims.length < 2 || dims.some((size) => size === 1) || name.includes('.')
      }),
  )
