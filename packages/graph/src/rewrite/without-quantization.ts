// Computes with numbers where a file computes with their codes: activations are not rounded, matrices are dequantized.
// Files of onnxruntime's dynamic and static quantization, such as transformers.js's model_quantized.onnx, then train as
// files with float32 activations do. A gradient passes rounding as if it were not there (straight-through estimator,
// Bengio et al. 2013) and stops at numbers beyond the range of codes, as in torch.fake_quantize_per_tensor_affine.

import { addInitializer, cloneGraph, type Graph, type Node } from '../ir/graph.ts'
import { codeRange } from '../tensor/quantize-linear.ts'
import { elementCount, elements, float32, toFloat32 } from '../tensor/tensor.ts'
import { fusedName, unsupported } from './decompositions/decomposition.ts'
import { integerProducts } from './integer-products.ts'
import { constantInput, dequantizedConstants, isMovement, quantizeConstants } from './quantized-constants.ts'
import { dequantizedLstms } from './quantized-lstm.ts'
import { type QuantizedOperator, quantizedNames, quantizedOperatorOf } from './quantized-operators.ts'

const names = ['QuantizeLinear', 'DynamicQuantizeLinear', 'MatMulInteger', 'ConvInteger', ...quantizedNames]

/**
 * A copy of a decoded graph (see `decodeGraph`) whose quantized activations are numbers, and whose quantized constants
 * are read by DequantizeLinear nodes; the graph itself if it has none. Numbers have the names of their codes.
 * @throws {UnsupportedOperatorError} naming the node, for a form that is not known.
 */
export function withoutQuantization(original: Graph): Graph {
  if (!original.nodes.some((node) => names.includes(fusedName(node)))) return original
  const graph = cloneGraph(integerProducts(dequantizedLstms(original)))
  quantizeConstants(graph)
  const { nodes: first, numbers } = dequantizedConstants(graph)
  const nodes = graph.nodes
  graph.nodes = first
  for (const node of nodes) graph.nodes.push(...onNumbers(graph, node, numbers))
  for (const output of graph.outputs) {
    const source = numbers.get(output) ?? output
    if (source !== output) graph.nodes.push(nodeOf(`${output}/Identity`, 'Identity', [source], output))
  }
  return graph
}

const nodeOf = (name: string, opType: string, inputs: string[], output: string): Node => ({
  name,
  opType,
  domain: '',
  inputs,
  outputs: [output],
  attributes: {},
})

/** The nodes that compute on numbers what a node computes on codes; it adds the names of numbers by those of codes. */
function onNumbers(graph: Graph, node: Node, numbers: Map<string, string>): Node[] {
  const numberOf = (name: string): string => numbers.get(name) ?? name
  const isKnown = (name: string): boolean => name === '' || numbers.has(name)
  const [x = '', y = ''] = [node.inputs[0], node.outputs[0]]
  const read = { ...node, inputs: node.inputs.map(numberOf) }
  const row = quantizedOperatorOf(node)
  if (fusedName(node) === 'DynamicQuantizeLinear') {
    numbers.set(y, numberOf(x))
    return []
  }
  if (fusedName(node) === 'QuantizeLinear') {
    numbers.set(y, y)
    return [clip(graph, node, numberOf(x), [1, 2])]
  }
  if (row?.operands.every(({ codes }) => isKnown(node.inputs[codes] ?? ''))) {
    if (row.opType !== 'Identity') return compute(graph, read, row, numbers)
    numbers.set(y, numberOf(x))
    return []
  }
  if (isMovement(node) && x !== '' && isKnown(x)) for (const name of node.outputs) numbers.set(name, name)
  return [read]
}

/** The operator on numbers, with its bias, and the range of its result. */
function compute(graph: Graph, node: Node, row: QuantizedOperator, numbers: Map<string, string>): Node[] {
  const { opType, domain = '', attributes = node.attributes, result, bias } = row
  const [y] = node.outputs as [string]
  const added = node.inputs[bias ?? -1]
  const inner = result || added ? `${y}/${opType}` : y
  const inputs = row.inputs.map((i) => node.inputs[i] ?? '')
  while (inputs.at(-1) === '') inputs.pop()
  const outputs = [inner, ...node.outputs.slice(1)]
  const nodes: Node[] = [{ ...node, opType, domain, attributes, inputs, outputs }]
  if (added) nodes.push({ ...nodeOf(`${node.name}/Add`, 'Add', [inner, added], y), ...scopeOf(node) })
  if (!result) return nodes
  numbers.set(y, y)
  return [...nodes, clip(graph, { ...node, name: `${node.name}/Clip` }, inner, result)]
}

const scopeOf = ({ scope }: Node): Pick<Node, 'scope'> => (scope === undefined ? {} : { scope })

/** Cuts numbers to the range of the codes that a node gives: (least or greatest code - zero point) scale. */
function clip(graph: Graph, node: Node, x: string, [scaleAt, zeroAt]: readonly [number, number]): Node {
  const scale = constantInput(graph, node, scaleAt)
  const zero = node.inputs[zeroAt] ? constantInput(graph, node, zeroAt) : undefined
  const range = codeRange(zero?.dtype ?? 'uint8')
  if (elementCount(scale.dims) !== 1 || !range)
    throw unsupported({ node }, 'codes of this form are not supported', {
      expected: 'integers with one scale',
      found: `${zero?.dtype ?? 'uint8'} with ${elementCount(scale.dims)} scales`,
    })
  const [size, middle] = [toFloat32(scale)[0] as number, Number(zero ? elements(zero)[0] : 0)]
  const bounds = range.map((code, i) => {
    const name = `${node.outputs[0]}/${['least', 'greatest'][i]}`
    return addInitializer(graph, name, float32([], [(code - middle) * size])).name
  })
  return { ...nodeOf(node.name, 'Clip', [x, ...bounds], node.outputs[0] as string), ...scopeOf(node) }
}
