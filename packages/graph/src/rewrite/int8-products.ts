// Products with frozen matrices in eight bits, values and gradients too: SwitchBack (Wortsman et al. 2023, arXiv
// 2304.13013), of which LoRA needs the two products that it quantizes and not the third. Each row of x has a scale of
// its own: with one for all, a few rows of large gradients leave no codes for the others.

import { addInitializer, cloneGraph, type Graph, getValue, type Value } from '../ir/graph.ts'
import { makersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/build.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { int8Codes, transposedCodes } from './int8-codes.ts'
import { isQuantizable, smallestMatrix } from './frozen-matrix.ts'
import { type LinearNode, linearNodes } from './linear-nodes.ts'
import { memoize } from './memoize.ts'
import { prune } from './prune.ts'
import { remake } from './rewrite-outputs.ts'

/**
 * Of seven bits: 2 * 255 * 64 fits the sixteen in which processors without VNNI, and WASM, add the products of two
 * bytes.
 */
const greatestCode = 64

/** Added to the mean square of a row, so that rows of zeros stay so. */
const epsilon = 1e-30

/**
 * A copy of the graph whose products with large frozen matrices are computed in eight bits: x W = rms(x) (x / rms(x))
 * W, with W and x / rms(x) quantized. What a normalization has made is quantized as it is. Values keep their names. CPU
 * and WASM have the operators.
 * @param smallest Number of elements below which a matrix stays in float32. @default 4096
 */
export function int8Products(graph: Graph, smallest = smallestMatrix): Graph {
  const products = linearNodes(graph)
  const quantized: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(quantized)
  const rows = rowScaler(g)
  const isNormal = normalValues(graph)
  for (const node of graph.nodes) {
    const output = node.outputs[0] as string
    const product = products.get(output)
    if (!product || !isQuantizable(graph, product, smallest)) {
      quantized.nodes.push(node)
      continue
    }
    const [x, , bias] = node.inputs.map((name) => getValue(quantized, name)) as [Value, Value, Value | undefined]
    const options = { name: node.name, scope: node.scope }
    const matrix = matrixOf(quantized, product)
    if (isNormal(x.name)) {
      remake(quantized, output, 'DynamicQuantizeMatMul', [x, ...matrix, ...(bias ? [null, bias] : [])], options)
      continue
    }
    const { normal, inverse } = rows(x, product.in_features)
    const whole = g.DynamicQuantizeMatMul(normal, ...matrix)
    if (bias) remake(quantized, output, 'Add', [g.Div(whole, inverse), bias], options)
    else remake(quantized, output, 'Div', [whole, inverse], options)
  }
  prune(quantized)
  return quantized
}

/** Whether a value is what a normalization has made, in whatever shape: its rows are of one size. */
function normalValues(graph: Graph): (name: string) => boolean {
  const makers = makersOf(graph)
  return (name) => {
    let maker = makers.get(name)
    while (maker && (maker.opType === 'Reshape' || maker.opType === 'Gather'))
      maker = makers.get(maker.inputs[0] as string)
    return (
      (maker?.opType === 'LayerNormalization' || maker?.opType === 'RMSNormalization') &&
      maker.outputs.indexOf(name) <= 0
    )
  }
}

/** Rows of a value at root mean square 1, and by what they were multiplied; made once for all products that read it. */
function rowScaler(g: Builder): (x: Value, width: number) => { normal: Value; inverse: Value } {
  const [scaled, ones] = [memoize<{ normal: Value; inverse: Value }>(), memoize<Value>()]
  return (x, width) =>
    scaled(x.name, () => {
      const weight = ones(String(width), () =>
        g.constant(`constant.ones(${width})`, float32([width], new Float32Array(width).fill(1))),
      )
      const [normal, inverse] = g.node('SimplifiedLayerNormalization', [x, weight], {
        attributes: { epsilon },
        outputCount: 2,
      }) as [Value, Value]
      return { normal, inverse }
    })
}

/** Codes [in, out] and scales of a matrix as a product reads it; made once, however many products read it so. */
function matrixOf(graph: Graph, { weight, transposed }: LinearNode): Value[] {
  const names = transposed
    ? [`${weight}.transposed.int8`, `${weight}.transposed.scale`]
    : [`${weight}.int8`, `${weight}.scale`]
  const [codesName, scalesName] = names as [string, string]
  if (!graph.values.has(codesName)) {
    const { codes, scales } = int8Codes(graph.initializers.get(weight) as Tensor, transposed ? 0 : 1, greatestCode)
    addInitializer(graph, codesName, transposed ? transposedCodes(codes) : codes)
    addInitializer(graph, scalesName, scales)
  }
  return names.map((name) => getValue(graph, name))
}
