// Converts models of other floating-point types to float32, in which training runs and which every device supports: CPU
// has no bfloat16 kernels, float16 lacks the range for gradients, and WebGPU has no float64.

import { requireKind } from '../door.ts'
import { type Attribute, cloneGraph, type Graph, type Node, type Value } from '../ir/graph.ts'
import { type DataType, dataTypes } from '../tensor/dtype.ts'
import { asFloat32, elements, float32, lazyTensor, type Tensor } from '../tensor/tensor.ts'
import { withoutCasts } from './without-casts.ts'

const isOther = (dtype: DataType): boolean => dataTypes[dtype].float && dtype !== 'float32'

const otherCodes = (Object.keys(dataTypes) as DataType[]).filter(isOther).map((dtype) => dataTypes[dtype].onnx)

/** Attributes that name an element type. */
const typeAttributes = ['to', 'stash_type']

/** The greatest finite float32. */
const greatest = (2 - 2 ** -23) * 2 ** 127

/** float64 to float32, finite numbers to finite ones: 0 times a mask of the lowest float64 must not become NaN. */
function clamped(data: Tensor): Float32Array {
  const numbers = elements(data) as Float64Array
  const values = new Float32Array(numbers)
  for (let i = 0; i < values.length; i++) {
    const x = numbers[i] as number
    if (Math.abs(x) > greatest && Number.isFinite(x)) values[i] = Math.sign(x) * greatest
  }
  return values
}

const widenTensor = (data: Tensor): Tensor =>
  data.dtype === 'float64'
    ? lazyTensor('float32', data.dims, () => float32(data.dims, clamped(data)))
    : isOther(data.dtype)
      ? asFloat32(data)
      : data

/**
 * The graph with float32 in place of float16, bfloat16 and float64: weights (converted on demand), inputs, outputs,
 * constants, and the targets of Casts. Casts that then change nothing are removed. The graph itself if it has none of
 * these types.
 */
export function widen(graph: Graph): Graph {
  requireKind('widen, graph', graph, 'graph')
  const wide = float32Types(graph)
  return wide === graph ? graph : withoutCasts(wide)
}

/** Like {@link widen}, but it keeps all Casts and takes graphs whose inner values have no types yet. */
export function float32Types(graph: Graph): Graph {
  const wide = cloneGraph(graph)
  wide.initializers = new Map([...graph.initializers].map(([name, data]) => [name, widenTensor(data)]))
  wide.values = new Map([...graph.values].map(([name, value]) => [name, widenValue(value)]))
  wide.nodes = graph.nodes.map(widenNode)
  const changed =
    [...wide.values].some(([name, value]) => value !== graph.values.get(name)) ||
    wide.nodes.some((node, i) => node !== graph.nodes[i])
  return changed ? wide : graph
}

const widenValue = (value: Value): Value => (isOther(value.dtype) ? { ...value, dtype: 'float32' } : value)

function widenNode(node: Node): Node {
  const changed = Object.entries(node.attributes).flatMap(([name, value]) => {
    const wide = widenAttribute(name, value)
    return wide === value ? [] : [[name, wide] as const]
  })
  return changed.length ? { ...node, attributes: { ...node.attributes, ...Object.fromEntries(changed) } } : node
}

function widenAttribute(name: string, value: Attribute): Attribute {
  if (typeAttributes.includes(name) && otherCodes.includes(value as number)) return dataTypes.float32.onnx
  return typeof value === 'object' && 'bytes' in value ? widenTensor(value) : value
}
