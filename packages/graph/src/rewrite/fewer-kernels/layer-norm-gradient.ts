// The gradient of a layer normalization in fewer kernels. With n = (x - mean) / std and h = dy scale, it is
// (h - mean(h) - n mean(h n)) / std: h minus its projection on the rows of N = [n; 1]. One kernel gives both
// coefficients of the projection, one the projection, and one the gradients of scale and shift, N dy.

import type { Graph, Node, Value } from '../../ir/graph.ts'
import { attributesOf } from '../../ops/add-node.ts'
import type { Builder } from '../../ops/build.ts'
import { memoize } from '../memoize.ts'
import { isAlongLast, isRowOfOnes, unit } from './product.ts'
import { replaceNodes, type Surroundings } from '../replace-nodes.ts'

/** Rewrites the expressions that the gradient rule of LayerNormalization builds, for inputs of two axes. */
export function layerNormGradients(graph: Graph): Graph {
  const projected = memoize<Value>()
  /** N [rows, 2, width]. */
  const rowsOf = (g: Builder, normal: Value): Value =>
    projected(normal.name, () => g.Pad(g.Unsqueeze(normal, g.int64([1])), g.int64([0, 0, 0, 0, 1, 0]), unit(g, 1, [])))
  return replaceNodes(graph, (node, around) => {
    if (node.opType === 'Concat') return joinParameterGradients(node, around, rowsOf)
    const found = node.opType === 'Mul' ? inputGradientOf(node, around) : undefined
    if (!found) return undefined
    const { g, replace } = around
    const { dy, scale, normal, inverse, width } = found
    const rows = rowsOf(g, normal)
    const coefficients = g.Einsum(rows, dy, scale, unit(g, 1 / width, [1]), { equation: 'irj,ij,j,R->ir' })
    const projection = g.Einsum(rows, coefficients, inverse, { equation: 'irj,ir,iR->ij' })
    return replace('Sub', [g.Einsum(dy, scale, inverse, { equation: 'ij,j,iR->ij' }), projection])
  })
}

/** The values in the gradient of the input. */
interface InputGradient {
  dy: Value
  scale: Value
  /** n. */
  normal: Value
  /** 1 / std. */
  inverse: Value
  width: number
}

/** Matches (h - mean(h) - n mean(h n)) / std. */
function inputGradientOf({ inputs }: Node, around: Surroundings): InputGradient | undefined {
  const { producer, onlyFor, value } = around
  const [inverse = '', difference = ''] = inputs
  const norm = producer(inverse)
  const outer = onlyFor(difference, 'Sub')
  const inner = outer && onlyFor(outer.inputs[0] as string, 'Sub')
  const projection = outer && onlyFor(outer.inputs[1] as string, 'Mul')
  if (norm?.opType !== 'LayerNormalization' || norm.outputs[2] !== inverse || !inner || !projection) return undefined
  const [h = '', mean = ''] = inner.inputs
  const [normal = '', coefficient = ''] = projection.inputs
  const [meanOfH, meanOfProduct] = [onlyFor(mean, 'ReduceMean'), onlyFor(coefficient, 'ReduceMean')]
  const product = meanOfProduct && onlyFor(meanOfProduct.inputs[0] as string, 'Mul')
  const factors = producer(h)
  const isGradient =
    normal === norm.outputs[0] &&
    meanOfH?.inputs[0] === h &&
    product?.inputs[0] === h &&
    product.inputs[1] === normal &&
    factors?.opType === 'Mul' &&
    [meanOfH, meanOfProduct].every(
      (reduction) => reduction && isAlongLast(reduction, around) && attributesOf(reduction).keepdims === 1,
    )
  const [dy, scale] = (factors?.inputs ?? []).map(value)
  const width = value(normal).shape[1]
  const isMatrix = dy?.shape.length === 2 && scale?.shape.length === 1 && typeof width === 'number'
  if (!isGradient || !isMatrix || !dy || !scale) return undefined
  return { dy, scale, normal: value(normal), inverse: value(inverse), width }
}

/**
 * Computes the gradients of a scale and its shift, sums over rows of dy n and dy, together, where a block of parameters
 * has one after the other.
 */
function joinParameterGradients(
  { inputs, attributes }: Node,
  around: Surroundings,
  rowsOf: (g: Builder, normal: Value) => Value,
): true | undefined {
  const { g, value, replace } = around
  const joined: Value[] = []
  for (let i = 0; i < inputs.length; i++) {
    const [first, second] = [i, i + 1].map((k) => sumOfRows(inputs[k] ?? '', around))
    const product = first === undefined ? undefined : around.onlyFor(first, 'Mul')
    const norm = product && around.producer(product.inputs[1] as string)
    const isPair =
      norm?.opType === 'LayerNormalization' &&
      norm.outputs[2] !== undefined &&
      norm.outputs[0] === product?.inputs[1] &&
      product?.inputs[0] === second
    if (isPair) {
      const rows = rowsOf(g, value(norm.outputs[0] as string))
      joined.push(g.Reshape(g.Einsum(rows, value(second as string), { equation: 'irj,ij->rj' }), g.int64([-1])))
      i++
    } else joined.push(value(inputs[i] as string))
  }
  return joined.length < inputs.length ? replace('Concat', joined, attributes) : undefined
}

/** The name of the matrix [rows, width] whose sum over rows, [width], a value is. */
function sumOfRows(name: string, around: Surroundings): string | undefined {
  const shaped = around.onlyFor(name, 'Reshape')
  const product = shaped && around.onlyFor(shaped.inputs[0] as string, 'Gemm')
  const isSum = product && around.value(name).shape.length === 1 && isRowOfOnes(product, around)
  return isSum ? product.inputs[1] : undefined
}
