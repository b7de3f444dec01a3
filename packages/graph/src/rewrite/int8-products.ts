// Computes products with frozen matrices in int8, forward and backward, after SwitchBack (Wortsman et al. 2023, arXiv
// 2304.13013). LoRA needs the two products that SwitchBack quantizes, not the third. Each row of x has a scale: with
// one scale for all rows, a few rows of large gradients would leave no codes for the others.

import { requireKind } from '../door.ts'
import { addInitializer, cloneGraph, type Graph, getValue, type Value } from '../ir/graph.ts'
import { producersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/build.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { transposeTensor } from '../tensor/rows.ts'
import { int8Codes } from './int8-codes.ts'
import { isQuantizable } from './frozen-matrix.ts'
import { type LinearNode, linearNodes } from './linear-nodes.ts'
import { memoize } from './memoize.ts'
import { prune } from './prune.ts'
import { replaceProducer } from './rewrite-outputs.ts'
import { type NormalizedRows, rmsOfRows } from './rms-of-rows.ts'

/** Seven bits: 2 * 255 * 64 fits the 16-bit sums of products of bytes on processors without VNNI and in WASM. */
const maxCode = 64

/** Below it, norms and codes of rows take as long as products in eight bits save: 128 by 128 is slower than float32. */
const minElements = 2 ** 15

/** Added to the mean square of a row, so that rows of zeros stay zero. */
const epsilon = 1e-30

/**
 * A copy of the graph whose products with large frozen matrices are computed in int8: x W = rms(x) (x / rms(x)) W, with
 * W and x / rms(x) quantized. The output of a normalization is quantized without the scaling. Values keep their names.
 * CPU and WASM have the operators.
 * @param minimum Number of elements below which a matrix stays in float32. @default 32768
 */
export function int8Products(graph: Graph, minimum = minElements): Graph {
  requireKind('int8Products, graph', graph, 'graph')
  const products = linearNodes(graph)
  const quantized: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(quantized)
  const normalize = rowNormalizer(g)
  const isNormalized = normalizedValues(graph)
  for (const node of graph.nodes) {
    const output = node.outputs[0] as string
    const product = products.get(output)
    if (!product || !isQuantizable(graph, product, minimum)) {
      quantized.nodes.push(node)
      continue
    }
    const [x, , bias] = node.inputs.map((name) => getValue(quantized, name)) as [Value, Value, Value | undefined]
    const options = { name: node.name, scope: node.scope }
    const matrix = matrixOf(quantized, product)
    if (isNormalized(x.name)) {
      replaceProducer(
        quantized,
        output,
        'DynamicQuantizeMatMul',
        [x, ...matrix, ...(bias ? [null, bias] : [])],
        options,
      )
      continue
    }
    const { normal, inverse } = normalize(x, product.inFeatures)
    const scaled = g.DynamicQuantizeMatMul(normal, ...matrix)
    if (bias) replaceProducer(quantized, output, 'Add', [g.Div(scaled, inverse), bias], options)
    else replaceProducer(quantized, output, 'Div', [scaled, inverse], options)
  }
  prune(quantized)
  return quantized
}

/** Whether a value is the (possibly reshaped) output of a normalization: its rows have similar magnitudes. */
function normalizedValues(graph: Graph): (name: string) => boolean {
  const producers = producersOf(graph)
  return (name) => {
    let producer = producers.get(name)
    while (producer && (producer.opType === 'Reshape' || producer.opType === 'Gather'))
      producer = producers.get(producer.inputs[0] as string)
    return (
      (producer?.opType === 'LayerNormalization' || producer?.opType === 'RMSNormalization') &&
      producer.outputs.indexOf(name) <= 0
    )
  }
}

/** Rows over their rms; computed once for all products that read x. */
function rowNormalizer(g: Builder): (x: Value, width: number) => NormalizedRows {
  const [scaled, normalize] = [memoize<NormalizedRows>(), rmsOfRows()]
  return (x, width) => scaled(x.name, () => normalize(g, x, width, epsilon))
}

/**
 * Codes [in, out] and scales of a product's matrix; shared by the products that read the matrix in the same order. A
 * packed matrix is quantized again: its codes have blocks and the range of a byte. They keep `.int8` (`packMatrices`).
 */
function matrixOf(graph: Graph, { weight, transposed }: LinearNode): Value[] {
  const stem = transposed ? `${weight}.transposed` : weight
  const names = [`${stem}.int8_product`, `${stem}.int8_product_scale`]
  const [codesName, scalesName] = names as [string, string]
  if (!graph.values.has(codesName)) {
    const { codes, scales } = int8Codes(graph.initializers.get(weight) as Tensor, transposed ? 0 : 1, maxCode)
    addInitializer(graph, codesName, transposed ? transposeTensor(codes) : codes)
    addInitializer(graph, scalesName, scales)
  }
  return names.map((name) => getValue(graph, name))
}
