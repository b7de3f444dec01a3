// Reads the LSTM that onnxruntime's dynamic quantization writes: its matrices are codes, transposed.

import { addInitializer, cloneGraph, type Graph, type Node, uniqueName } from '../ir/graph.ts'
import { dequantizedTensor } from '../tensor/dequantize.ts'
import { elementCount, float32, lazyTensor, type Tensor, toFloat32 } from '../tensor/tensor.ts'
import { fusedName, unsupported } from './decompositions/decomposition.ts'
import { constantInput } from './quantized-constants.ts'
import { quantizedLstm } from './quantized-operators.ts'

/** The places of a matrix's codes [directions, inputs, 4 hidden], scales and zero points [directions, 4 hidden or 1]. */
const matrices = [
  { codes: 1, scale: 8, zero: 9 },
  { codes: 2, scale: 10, zero: 11 },
] as const

const isQuantized = (node: Node): boolean => fusedName(node) === quantizedLstm

/**
 * The graph with an LSTM of dequantized matrices in place of each com.microsoft.DynamicQuantizeLSTM; the graph itself if
 * it has none.
 * @throws {UnsupportedOperatorError} naming the node, for matrices that are computed or of another form.
 */
export function dequantizedLstms(original: Graph): Graph {
  if (!original.nodes.some(isQuantized)) return original
  const graph = cloneGraph(original)
  graph.nodes = graph.nodes.map((node) => (isQuantized(node) ? lstm(graph, node) : node))
  return graph
}

function lstm(graph: Graph, node: Node): Node {
  const inputs = node.inputs.slice(0, 8)
  for (const { codes, scale, zero } of matrices) {
    const name = node.inputs[codes] as string
    const matrix = dequantized(node, {
      codes: constantInput(graph, node, codes),
      scale: constantInput(graph, node, scale),
      zero: constantInput(graph, node, zero),
    })
    inputs[codes] = addInitializer(graph, uniqueName(graph, name.replace(/_quantized$/, '')), matrix).name
  }
  while (inputs.at(-1) === '') inputs.pop()
  return { ...node, name: node.name.replace(/_quant$/, ''), opType: 'LSTM', domain: '', inputs }
}

/** The matrix [directions, 4 hidden, inputs], dequantized when its bytes are read. */
function dequantized(node: Node, { codes, scale, zero }: Readonly<Record<'codes' | 'scale' | 'zero', Tensor>>): Tensor {
  const [directions, width, outputs] = codes.dims as [number, number, number]
  const scales = elementCount(scale.dims)
  if (codes.dims.length !== 3 || ![directions, directions * outputs].includes(scales))
    throw unsupported({ node }, 'its codes have scales of another form', {
      expected: 'one for each direction, or for each of its outputs',
      found: `[${scale.dims}] for [${codes.dims}]`,
    })
  // A scale of an output is that of a block of all its inputs.
  const form = scales === directions ? { axis: 0, blockSize: 0 } : { axis: 1, blockSize: width }
  const turned = dequantizedTensor({ x: codes, scale, zero, ...form })
  const dims = [directions, outputs, width]
  return lazyTensor('float32', dims, () => {
    const from = toFloat32(turned)
    const values = new Float32Array(from.length)
    for (let at = 0; at < from.length; at++) {
      const [row, output] = [Math.floor(at / outputs), at % outputs]
      const [direction, i] = [Math.floor(row / width), row % width]
      values[(direction * outputs + output) * width + i] = from[at] as number
    }
    return float32(dims, values)
  })
}
