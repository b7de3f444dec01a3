// Stores the matrices of products in int4: com.microsoft.MatMulNBits computes in float32 and has kernels on CPU, CUDA
// and WebGPU. Blocks of 32 inputs share a scale, as in the q4 files that transformers.js loads.

import { addInitializer, cloneGraph, type Graph, getValue } from '../ir/graph.ts'
import { consumersOf } from '../ir/uses.ts'
import { addNode } from '../ops/add-node.ts'
import { float32, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'
import { isQuantizable } from './frozen-matrix.ts'
import { type LinearNode, linearNodes } from './linear-nodes.ts'
import { prune } from './prune.ts'
import { replaceProducer } from './rewrite-outputs.ts'

const bits = 4
const blockSize = 32

/**
 * A copy of the graph whose float32 matrices that only products read are stored in int4. Values keep their names.
 * @param minimum Number of elements below which a matrix stays in float32.
 */
export function quantizeProducts(graph: Graph, minimum: number): Graph {
  const consumers = consumersOf(graph)
  const products = linearNodes(graph)
  const isProduct = ({ opType }: { opType: string }): boolean =>
    opType === 'MatMul' || opType === 'Gemm' || opType === 'Transpose'
  const hasFiniteElements = (weight: string): boolean =>
    toFloat32(graph.initializers.get(weight) as Tensor).every(Number.isFinite)
  const quantizes = (product: LinearNode): boolean =>
    isQuantizable(graph, product, minimum) &&
    (consumers.get(product.weight) ?? []).every(isProduct) &&
    hasFiniteElements(product.weight)
  const quantized: Graph = { ...cloneGraph(graph), nodes: [] }
  for (const node of graph.nodes) {
    const product = products.get(node.outputs[0] as string)
    if (!product || !quantizes(product)) {
      quantized.nodes.push(node)
      continue
    }
    const [x, , bias] = node.inputs.map((name) => getValue(quantized, name))
    const attributes = { K: product.inFeatures, N: product.outFeatures, bits, block_size: blockSize }
    const inputs = [x ?? null, ...parametersOf(quantized, product)]
    const sum = bias && ([addNode(quantized, 'MatMulNBits', inputs, { attributes })[0] ?? null, bias] as const)
    if (sum) replaceProducer(quantized, node.outputs[0] as string, 'Add', sum, { name: node.name })
    else replaceProducer(quantized, node.outputs[0] as string, 'MatMulNBits', inputs, { name: node.name, attributes })
  }
  prune(quantized)
  return quantized
}

/** Codes and scales of a product's matrix; shared by the products that read the matrix in the same order. */
function parametersOf(graph: Graph, { weight, transposed, inFeatures: K, outFeatures: N }: LinearNode) {
  const read = transposed ? `${weight}.transposed` : weight
  const names = [`${read}.int4`, `${read}.scales`] as const
  if (!graph.values.has(names[0])) {
    const values = toFloat32(graph.initializers.get(weight) as Tensor)
    const at = transposed
      ? (n: number, k: number) => values[n * K + k] as number
      : (n: number, k: number) => values[k * N + n] as number
    const { codes, scales, blocks } = fourBits(at, N, K)
    addInitializer(graph, names[0], tensor('uint8', [N, blocks, blockSize / 2], codes))
    addInitializer(graph, names[1], float32([N * blocks], scales))
  }
  return names.map((name) => getValue(graph, name))
}

/**
 * code = round(value / scale) + 8, two per byte, the first in the low half. The value of greatest magnitude becomes -8,
 * because the codes' range is -8 to 7.
 */
function fourBits(at: (output: number, input: number) => number, N: number, K: number) {
  const blocks = Math.ceil(K / blockSize)
  const codes = new Uint8Array((N * blocks * blockSize) / 2)
  const scales = new Float32Array(N * blocks)
  for (let block = 0; block < N * blocks; block++) {
    const [n, first] = [Math.floor(block / blocks), (block % blocks) * blockSize]
    const values = Float32Array.from({ length: blockSize }, (_, i) => (first + i < K ? at(n, first + i) : 0))
    const farthest = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0)
    const scale = Math.fround(farthest / -8)
    scales[block] = scale
    values.forEach((value, i) => {
      const code = scale === 0 ? 8 : Math.min(15, Math.max(0, Math.round(value / scale) + 8))
      const byte = (block * blockSize + i) >> 1
      codes[byte] = (codes[byte] as number) | (code << (4 * (i & 1)))
    })
  }
  return { codes, scales, blocks }
}
