// Upgrades nodes of older operator sets to opset 20.

import { addInitializer, type Graph, type Node, uniqueName } from '../ir/graph.ts'
import { tensorOf } from '../tensor/tensor.ts'

/** Domain of operators whose old meaning depends on the input's rank (Softmax of opset 11 and 12); see `readModel`. */
export const oldDomain = 'ai.onnx.11'

interface Upgrade {
  /** The first operator set that has the new form. */
  since: number
  apply: (graph: Graph, node: Node) => Node
}

const axesToInput: Upgrade['apply'] = (graph, node) => attributeToInput(graph, node, 'axes')
const toOldDomain: Upgrade['apply'] = (_, node) => ({ ...node, domain: oldDomain })
const reduction: Upgrade = { since: 18, apply: axesToInput }

const upgrades: Readonly<Record<string, Upgrade>> = {
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((name) => [
      `Reduce${name}`,
      reduction,
    ]),
  ),
  ReduceSum: { since: 13, apply: axesToInput },
  Squeeze: { since: 13, apply: axesToInput },
  Unsqueeze: { since: 13, apply: axesToInput },
  Split: { since: 18, apply: split },
  Softmax: { since: 13, apply: toOldDomain },
  LogSoftmax: { since: 13, apply: toOldDomain },
  /** Without the training_mode input of opset 12 it is the identity. */
  Dropout: {
    since: 12,
    apply: (_, node) => ({ ...node, opType: 'Identity', outputs: node.outputs.slice(0, 1), attributes: {} }),
  },
}

/** A node of operator set `version` in the form of opset 20. */
export function upgrade(graph: Graph, node: Node, version: number): Node {
  const row = node.domain === '' && Object.hasOwn(upgrades, node.opType) ? upgrades[node.opType] : undefined
  return row && version < row.since ? row.apply(graph, node) : node
}

/** The sizes become an input; without sizes the parts are equal, and `num_outputs` counts them. */
function split(graph: Graph, node: Node): Node {
  const sized = attributeToInput(graph, node, 'split')
  return sized.inputs.length > 1
    ? sized
    : { ...sized, attributes: { ...sized.attributes, num_outputs: node.outputs.length } }
}

/** Moves a list of integers from an attribute to a new last input. */
function attributeToInput(graph: Graph, node: Node, attribute: string): Node {
  const { [attribute]: list, ...rest } = node.attributes
  if (!Array.isArray(list)) return node
  const input = uniqueName(graph, `${node.name}.${attribute}`)
  addInitializer(graph, input, tensorOf('int64', [list.length], list as number[]))
  return { ...node, inputs: [...node.inputs, input], attributes: rest }
}
