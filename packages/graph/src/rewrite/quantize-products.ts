// Products with matrices in four bits: com.microsoft.MatMulNBits, which computes in float32 and which CPU, CUDA and
// WebGPU all have. Blocks of 32 inputs share a scale, as in the q4 files that transformers.js loads.

import { addInitializer, cloneGraph, type Graph, getValue } from '../ir/graph.ts'
import { readersOf } from '../ir/uses.ts'
import { addNode } from '../ops/add-node.ts'
import { float32, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'
import { isQuantizable } from './frozen-matrix.ts'
import { type LinearNode, linearNodes } from './linear-nodes.ts'
import { prune } from './prune.ts'
import { remake } from './rewrite-outputs.ts'

const bits = 4
const block_size = 32

/**
 * A copy of the graph in which products with its large float32 matrices keep them in four bits, where nothing else
 * reads the matrix. Values keep their names.
 */
export function quantizeProducts(graph: Graph, smallest: number): Graph {
  const readers = readersOf(graph)
  const products = linearNodes(graph)
  const isProduct = ({ opType }: { opType: string }): boolean =>
    opType === 'MatMul' || opType === 'Gemm' || opType === 'Transpose'
  const hasCodes = (weight: string): boolean =>
    toFloat32(graph.initializers.get(weight) as Tensor).every(Number.isFinite)
  const quantizes = (product: LinearNode): boolean =>
    isQuantizable(graph, product, smallest) &&
    (readers.get(product.weight) ?? []).every(isProduct) &&
    hasCodes(product.weight)
  const quantized: Graph = { ...cloneGraph(graph), nodes: [] }
  for (const node of graph.nodes) {
    const product = products.get(node.outputs[0] as string)
    if (!product || !quantizes(product)) {
      quantized.nodes.push(node)
      continue
    }
    const [x, , bias] = node.inputs.map((name) => getValue(quantized, name))
    const attributes = { K: product.in_features, N: product.out_features, bits, block_size }
    const inputs = [x ?? null, ...parametersOf(quantized, product)]
    const sum = bias && ([addNode(quantized, 'MatMulNBits', inputs, { attributes })[0] ?? null, bias] as const)
    if (sum) remake(quantized, node.outputs[0] as string, 'Add', sum, { name: node.name })
    else remake(quantized, node.outputs[0] as string, 'MatMulNBits', inputs, { name: node.name, attributes })
  }
  prune(quantized)
  return quantized
}

/** Codes and scales of a matrix as a product reads it; made once, however many products read it so. */
function parametersOf(graph: Graph, { weight, transposed, in_features: K, out_features: N }: LinearNode) {
  const read = transposed ? `${weight}.transposed` : weight
  const names = [`${read}.int4`, `${read}.scales`] as const
  if (!graph.values.has(names[0])) {
    const values = toFloat32(graph.initializers.get(weight) as Tensor)
    const at = transposed
      ? (n: number, k: number) => values[n * K + k] as number
      : (n: number, k: number) => values[k * N + n] as number
    const { codes, scales, blocks } = fourBits(at, N, K)
    addInitializer(graph, names[0], tensor('uint8', [N, blocks, block_size / 2], codes))
    addInitializer(graph, names[1], float32([N * blocks], scales))
  }
  return names.map((name) => getValue(graph, name))
}

/**
 * code = round(value / scale) + 8, two to a byte, the first in the low half; the value farthest from zero becomes -8,
 * which the codes' range has and 8 not.
 */
function fourBits(at: (output: number, input: number) => number, N: number, K: number) {
  const blocks = Math.ceil(K / block_size)
  const codes = new Uint8Array((N * blocks * block_size) / 2)
  const scales = new Float32Array(N * blocks)
  for (let block = 0; block < N * blocks; block++) {
    const [n, first] = [Math.floor(block / blocks), (block % blocks) * block_size]
    const values = Float32Array.from({ length: block_size }, (_, i) => (first + i < K ? at(n, first + i) : 0))
    const farthest = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
    const scale = Math.fround(farthest / -8)
    scales[block] = scale
    values.forEach((value, i) => {
      const code = scale === 0 ? 8 : Math.min(15, Math.max(0, Math.round(value / scale) + 8))
      const byte = (block * block_size + i) >> 1
      codes[byte] = (codes[byte] as number) | (code << (4 * (i & 1)))
    })
  }
  return { codes, scales, blocks }
}
