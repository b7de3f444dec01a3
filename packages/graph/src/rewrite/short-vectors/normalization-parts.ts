// Layer normalization by operators that have vectors, which its kernel in WebAssembly has not. The gradient reads the
// normalized values and 1 / std of the forward pass, instead of computing them again.

import type { Graph, Node, Value } from '../../ir/graph.ts'
import { attributesOf } from '../../ops/add-node.ts'
import type { Builder } from '../../ops/build.ts'
import { isOnes } from '../constant-number.ts'
import { replaceNodes } from '../replace-nodes.ts'
import { memoize } from '../memoize.ts'
import { replaceProducer } from '../rewrite-outputs.ts'
import { type NormalizedRows, rmsOfRows } from '../rms-of-rows.ts'

/** (x - mean) / std and 1 / std by row, and the mean. */
interface Parts extends NormalizedRows {
  mean: Value
}

/** Rewrites the float32 layer normalizations of a last axis of known size. */
export function normalizationParts(graph: Graph): Graph {
  const [parts, normalize] = [memoize<Parts>(), rmsOfRows()]
  return replaceNodes(graph, (node, around) => {
    const { g, value, replace } = around
    const x = value(node.inputs[0] ?? '')
    const width = widthOf(node, x)
    if (width === undefined) return undefined
    const epsilon = attributesOf(node).epsilon as number
    const { normal, mean, inverse } = parts(`${x.name} ${epsilon}`, () => partsOf(g, x, normalize, width, epsilon))
    for (const [i, statistic] of [mean, inverse].entries()) {
      const name = node.outputs[i + 1]
      if (name) replaceProducer(g.graph, name, 'Identity', [statistic])
    }
    const [, scale = '', shift] = node.inputs
    // The scale with which the gradient rule recomputes the normalized values.
    if (!shift && isOnes(scale, around)) return replace('Identity', [normal])
    return shift ? replace('Add', [g.Mul(normal, value(scale)), value(shift)]) : replace('Mul', [normal, value(scale)])
  })
}

/** The size of the last axis, if the node is a layer normalization of it alone. */
function widthOf({ opType, attributes }: Node, { dtype, shape }: Value): number | undefined {
  if (opType !== 'LayerNormalization' || dtype !== 'float32') return undefined
  const axis = Number(attributes.axis ?? -1)
  const width = shape.at(-1)
  return typeof width === 'number' && (axis === -1 || axis === shape.length - 1) ? width : undefined
}

function partsOf(g: Builder, x: Value, normalize: ReturnType<typeof rmsOfRows>, width: number, epsilon: number): Parts {
  const mean = g.ReduceMean(x, g.int64([-1]))
  return { ...normalize(g, g.Sub(x, mean), width, epsilon), mean }
}
