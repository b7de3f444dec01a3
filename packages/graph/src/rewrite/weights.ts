// Frozen weights in fewer bits: float16 with a Cast, int8 with a scale an output (or a row of an embedding) and a DequantizeLinear, or int4 in
// products and int8 elsewhere.
// Computation stays in float32, so every device that ran the model runs it still.

import { addInitializer, cloneGraph, type Graph, getValue } from '../ir/graph.ts'
import { build } from '../ops/builder.ts'
import { float32ToFloat16 } from '../tensor/float16.ts'
import { float32, type Tensor, tensor, toFloat32 } from '../tensor/tensor.ts'
import { quantizeProducts } from './nbits.ts'

export type WeightType = 'float32' | 'float16' | 'int8' | 'int4'

/** Matrices smaller than this stay as they are: they are not what a file is large of. */
const smallest = 4096

/** A copy of the graph whose float32 matrices are kept in another element type; the values they are read by keep their names. */
export function storeWeights(graph: Graph, type: WeightType): Graph {
  if (type === 'float32') return graph
  if (type === 'int4') return storeWeights(quantizeProducts(graph, smallest), 'int8')
  const stored: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(stored)
  const outputs = outputAxes(graph)
  for (const [name, data] of graph.initializers) {
    const [rows, columns] = data.dims as [number, number]
    if (data.dtype !== 'float32' || data.dims.length !== 2 || rows * columns < smallest || graph.inputs.includes(name)) continue
    const value = getValue(graph, name)
    stored.initializers.delete(name)
    stored.values.delete(name)
    if (type === 'float16') {
      const half = addInitializer(
        stored,
        `${name}.float16`,
        lazy('float16', data, (values) => tensor('float16', data.dims, float32ToFloat16(values))),
      )
      g.node('Cast', [half], { name: `${name}.cast`, outputs: [name], attributes: { to: 1 } })
    } else {
      const axis = outputs.get(name) ?? 0
      const { codes, scales } = quantized(toFloat32(data), [rows, columns], axis)
      const inputs = [
        addInitializer(stored, `${name}.int8`, tensor('int8', data.dims, codes)),
        addInitializer(stored, `${name}.scale`, float32([scales.length], scales)),
      ]
      g.node('DequantizeLinear', inputs, { name: `${name}.dequantize`, outputs: [name], attributes: { axis } })
    }
    stored.values.set(name, value)
  }
  stored.nodes.push(...graph.nodes)
  return stored
}

/** A tensor whose bytes are made when they are asked for. */
const lazy = (dtype: Tensor['dtype'], { dims, ...source }: Tensor, make: (values: Float32Array) => Tensor): Tensor => ({
  dtype,
  dims,
  bytes: () => make(toFloat32({ dims, ...source })).bytes(),
})

/** Which axis of a matrix counts outputs: each gets a scale of its own. */
function outputAxes(graph: Graph): Map<string, number> {
  const axes = new Map<string, number>()
  for (const { opType, inputs, attributes } of graph.nodes)
    if ((opType === 'MatMul' || opType === 'Gemm') && inputs[1]) axes.set(inputs[1], attributes.transB ? 0 : 1)
  return axes
}

/** Symmetric: code = round(value / scale), scale = greatest value / 127. */
function quantized(values: Float32Array, [rows, columns]: readonly [number, number], axis: number): { codes: Int8Array; scales: Float32Array } {
  const scales = new Float32Array(axis === 0 ? rows : columns)
  const group = (i: number) => (axis === 0 ? Math.floor(i / columns) : i % columns)
  values.forEach((value, i) => {
    scales[group(i)] = Math.max(scales[group(i)] as number, Math.abs(value))
  })
  scales.forEach((greatest, i) => {
    scales[i] = greatest === 0 ? 1 : greatest / 127
  })
  return { scales, codes: Int8Array.from(values, (value, i) => Math.round(value / (scales[group(i)] as number))) }
}
