// Replaces dropout by a product with a mask that is an input of the training model.

import {
  addInput,
  getValue,
  type Graph,
  GraphError,
  type Node,
  rewriteOutputs,
  toFloat32,
  uniqueName,
} from '@cola/graph'

/** An input that the session fills with a dropout mask: 1 for kept elements, 0 for dropped ones. */
export interface DropoutMask {
  input: string
  /** Probability of dropping an element. */
  p: number
}

/**
 * Rewrites Dropout as x * mask / (1 - p), in place. The mask is an input, because no random generator gives the same
 * numbers on all devices.
 * @throws {GraphError} for a ratio that is not a probability below 1.
 */
export function addDropoutMasks(graph: Graph): DropoutMask[] {
  const masks: DropoutMask[] = []
  rewriteOutputs(graph, (node, output, g) => {
    const p = dropoutRatio(graph, node)
    if (p === 0) return undefined
    if (!(p > 0 && p < 1))
      throw new GraphError({
        where: `Dropout "${node.name}"`,
        what: 'not a probability',
        expected: '0 to below 1',
        found: String(p),
      })
    // A module that is called several times (ALBERT's) has a mask for each call.
    const input = uniqueName(graph, `${node.name}.mask`)
    masks.push({ input, p })
    const mask = addInput(graph, input, 'uint8', output.shape)
    const x = getValue(graph, node.inputs[0] as string)
    // DequantizeLinear converts and scales the mask in one pass, and the backward pass reads the same result.
    return g.Mul(x, g.DequantizeLinear(mask, g.scalar(1 / (1 - p))))
  })
  return masks
}

function dropoutRatio(graph: Graph, node: Node): number {
  const ratio = node.opType === 'Dropout' && node.inputs[1] ? graph.initializers.get(node.inputs[1]) : undefined
  return ratio ? (toFloat32(ratio)[0] as number) : 0
}
