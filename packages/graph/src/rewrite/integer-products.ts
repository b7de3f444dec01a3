// Matches products and convolutions in eight bits as onnxruntime's dynamic quantization writes them.

import type { Graph, Node } from '../ir/graph.ts'
import { consumersOf, producersOf } from '../ir/uses.ts'
import { fusedName, unsupported } from './decompositions/decomposition.ts'

/** Domain of the operators that {@link integerProducts} makes where the runtime has none. */
export const scaledDomain = 'ai.onnx.scaled'

/** The operators with the scales of both factors as inputs 2 and 3. */
const scaledOperators: Readonly<Record<string, Pick<Node, 'opType' | 'domain'>>> = {
  MatMulInteger: { opType: 'MatMulIntegerToFloat', domain: 'com.microsoft' },
  ConvInteger: { opType: 'ConvInteger', domain: scaledDomain },
}

/**
 * The graph with one com.microsoft.MatMulIntegerToFloat in place of each MatMulInteger, the Cast of its result and the
 * Mul with both scales, as the runtime's optimizer has it, and so for each ConvInteger; the graph itself if it has none.
 * @throws {UnsupportedOperatorError} for one whose result is used in another way.
 */
export function integerProducts(graph: Graph): Graph {
  if (!graph.nodes.some(isProduct)) return graph
  const [consumers, producers] = [consumersOf(graph), producersOf(graph)]
  const onlyReader = (node: Node | undefined, opType: string): Node | undefined => {
    const [reader, ...others] = consumers.get(node?.outputs[0] ?? '') ?? []
    return others.length === 0 && reader?.opType === opType ? reader : undefined
  }
  const fused = new Map<Node, Node>()
  const dropped = new Set<Node>()
  for (const node of graph.nodes.filter(isProduct)) {
    const cast = onlyReader(node, 'Cast')
    const scaled = onlyReader(cast, 'Mul')
    const scales = scaled && producers.get(scaled.inputs.find((name) => name !== cast?.outputs[0]) ?? '')
    const [a = '', b = '', zeroOfA = '', zeroOfB = ''] = node.inputs
    // Codes of a constant, such as looked up embeddings, have a scale that is called as their zero point.
    const scaleOfA = producers.get(sourceOf(a, producers))?.outputs[1] ?? zeroOfA.replace(/zero_point$/, 'scale')
    const at = scales?.opType === 'Mul' ? scales.inputs.indexOf(scaleOfA) : -1
    if (!cast || !scaled || !scales || at < 0)
      throw unsupported({ node }, 'its result is not scaled', {
        expected: "Cast and Mul by the scales of both factors, as in onnxruntime's quantize_dynamic",
        fix: 'Read the original export.',
      })
    fused.set(scaled, {
      ...scaled,
      name: node.name.replace(/_quant$/, ''),
      ...(scaledOperators[node.opType] as Pick<Node, 'opType' | 'domain'>),
      inputs: [a, b, scales.inputs[at] as string, scales.inputs[1 - at] as string, zeroOfA, zeroOfB],
      attributes: node.attributes,
    })
    for (const part of [node, cast, scales]) dropped.add(part)
  }
  const nodes = graph.nodes.flatMap((node) => (dropped.has(node) ? [] : [fused.get(node) ?? node]))
  return { ...graph, nodes }
}

const isProduct = (node: Node): boolean => Object.hasOwn(scaledOperators, fusedName(node))

/** The codes as DynamicQuantizeLinear gives them, before operators that move them. */
function sourceOf(name: string, producers: ReadonlyMap<string, Node>): string {
  const node = producers.get(name)
  return !node || fusedName(node) === 'DynamicQuantizeLinear' ? name : sourceOf(node.inputs[0] ?? '', producers)
}
