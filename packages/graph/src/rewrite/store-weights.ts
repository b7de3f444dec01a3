// Stores frozen weights in fewer bits: float16 with a Cast; int8 with one scale per output (or embedding row) and a
// DequantizeLinear; int4 in products and int8 elsewhere. Computation stays in float32, so that every device that ran
// the model still does.

import { requireKind } from '../door.ts'
import { addInitializer, cloneGraph, type Graph, getValue } from '../ir/graph.ts'
import { build } from '../ops/build.ts'
import { type Tensor, toFloat32 } from '../tensor/tensor.ts'
import { dense } from '../tensor/packed-matrix.ts'
import { asFloat16, fitsFloat16 } from './float16-matrices.ts'
import { int8Codes } from './int8-codes.ts'
import { isFrozenMatrix, minElements } from './frozen-matrix.ts'
import { packMatrices } from './pack-matrices.ts'
import { quantizeProducts, type QuantizeProductsOptions } from './quantize-products.ts'

/** Element types in which weights can be written. */
export type WeightType = 'float32' | 'float16' | 'int8' | 'int4'

/**
 * Whether a type can represent a matrix. One with a number outside of the type's range (a mask of -Infinity, or of the
 * lowest float32) stays in float32.
 */
const isRepresentable: { readonly [Type in 'float16' | 'int8']: (data: Tensor) => boolean } = {
  float16: fitsFloat16,
  int8: (data) => toFloat32(data).every(Number.isFinite),
}

/** Whether a matrix stays in float32, by its name. */
type Keeps = (name: string) => boolean

/**
 * A copy of a float32 graph whose large matrices are stored in another type; their values keep their names. Models of
 * other types: {@link widen} first.
 * @param keeps Matrices that stay in float32. @default none
 */
export function storeWeights(graph: Graph, type: WeightType, keeps: Keeps = () => false): Graph {
  requireKind('storeWeights, graph', graph, 'graph')
  if (type === 'int4') {
    const packed = packMatrices(quantizeProducts(graph, int4(keeps)), { accuracyLevel: 'file' })
    return storeWeights(packed, 'int8', keeps)
  }
  const plain = withoutCodes(graph)
  return type === 'float32' ? plain : storeIn(type, plain, keeps)
}

/** The 4-bit matrices of products: those of the q4 files that transformers.js loads. */
const int4 = (keeps: Keeps): QuantizeProductsOptions => ({
  bits: 4,
  blockSize: 32,
  minimum: minElements,
  selects: ({ weight }, matrix) => !keeps(weight) && toFloat32(matrix).every(Number.isFinite),
})

/** The graph with its packed matrices as plain float32 ones. */
function withoutCodes(graph: Graph): Graph {
  const initializers = new Map([...graph.initializers].map(([name, data]) => [name, dense(data)]))
  return { ...cloneGraph(graph), initializers }
}

function storeIn(type: 'float16' | 'int8', graph: Graph, keeps: Keeps): Graph {
  const stored: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(stored)
  const outputs = outputAxes(graph)
  for (const [name, data] of graph.initializers) {
    if (!isFrozenMatrix(graph, name, minElements) || keeps(name) || !isRepresentable[type](data)) continue
    const value = getValue(graph, name)
    stored.initializers.delete(name)
    stored.values.delete(name)
    if (type === 'float16') {
      const half = addInitializer(stored, `${name}.float16`, asFloat16(data))
      g.node('Cast', [half], { name: `${name}.cast`, outputs: [name], attributes: { to: 1 } })
    } else {
      const axis = outputs.get(name) ?? 0
      const { codes, scales } = int8Codes(data, axis)
      const inputs = [addInitializer(stored, `${name}.int8`, codes), addInitializer(stored, `${name}.scale`, scales)]
      g.node('DequantizeLinear', inputs, { name: `${name}.dequantize`, outputs: [name], attributes: { axis } })
    }
    stored.values.set(name, value)
  }
  stored.nodes = [...stored.nodes, ...graph.nodes]
  return stored
}

/** The output axis of each matrix, by name: each output has a scale. */
function outputAxes(graph: Graph): Map<string, 0 | 1> {
  const axes = new Map<string, 0 | 1>()
  for (const { opType, inputs, attributes } of graph.nodes)
    if ((opType === 'MatMul' || opType === 'Gemm') && inputs[1]) axes.set(inputs[1], attributes.transB ? 0 : 1)
  return axes
}
