// Frozen weights in fewer bits: float16 with a Cast, int8 with a scale an output (or a row of an embedding) and a
// DequantizeLinear, or int4 in products and int8 elsewhere. Computation stays in float32, so every device that ran the
// model runs it still.

import { addInitializer, cloneGraph, type Graph, getValue } from '../ir/graph.ts'
import { build } from '../ops/build.ts'
import { float16ToNumber, float32ToFloat16, numberToFloat16 } from '../tensor/float16.ts'
import { lazyTensor, tensor, toFloat32 } from '../tensor/tensor.ts'
import { int8Codes } from './int8-codes.ts'
import { isFrozenMatrix, smallestMatrix } from './frozen-matrix.ts'
import { quantizeProducts } from './quantize-products.ts'

export type WeightType = 'float32' | 'float16' | 'int8' | 'int4'

/**
 * Whether a number is one of a type's: a matrix with one that is not (a mask of -Infinity, or of the least float32)
 * stays as it is.
 */
const holds: { readonly [Type in 'float16' | 'int8']: (value: number) => boolean } = {
  float16: (value) => !Number.isFinite(value) || Number.isFinite(float16ToNumber(numberToFloat16(value))),
  int8: Number.isFinite,
}

/**
 * A copy of the graph, which is float32, whose matrices are kept in another element type; the values they are read by
 * keep their names. Models in other types: {@link widen} first.
 */
export function storeWeights(graph: Graph, type: WeightType): Graph {
  if (type === 'float32') return graph
  if (type === 'int4') return storeWeights(quantizeProducts(graph, smallestMatrix), 'int8')
  const stored: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(stored)
  const outputs = outputAxes(graph)
  for (const [name, data] of graph.initializers) {
    if (!isFrozenMatrix(graph, name, smallestMatrix) || !toFloat32(data).every(holds[type])) continue
    const value = getValue(graph, name)
    stored.initializers.delete(name)
    stored.values.delete(name)
    if (type === 'float16') {
      const half = addInitializer(
        stored,
        `${name}.float16`,
        lazyTensor('float16', data.dims, () => tensor('float16', data.dims, float32ToFloat16(toFloat32(data)))),
      )
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

/** Which axis of a matrix counts outputs: each gets a scale of its own. */
function outputAxes(graph: Graph): Map<string, 0 | 1> {
  const axes = new Map<string, 0 | 1>()
  for (const { opType, inputs, attributes } of graph.nodes)
    if ((opType === 'MatMul' || opType === 'Gemm') && inputs[1]) axes.set(inputs[1], attributes.transB ? 0 : 1)
  return axes
}
