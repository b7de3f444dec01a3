// Nodes of older operator sets in the forms of opset 20.

import { addInitializer, type Graph, type Node, uniqueName } from '../ir/graph.ts'
import { tensor } from '../tensor/tensor.ts'

/** Where `readModel` finds operators whose old meaning depends on their input's rank: Softmax of opset 11 and 12. */
export const oldDomain = 'ai.onnx.11'

interface Upgrade {
  /** The first operator set that has the new form. */
  since: number
  apply: (graph: Graph, node: Node) => Node
}

const axes: Upgrade['apply'] = (graph, node) => asInput(graph, node, 'axes')
const old: Upgrade['apply'] = (_, node) => ({ ...node, domain: oldDomain })
const reduction: Upgrade = { since: 18, apply: axes }

const upgrades: Readonly<Record<string, Upgrade>> = {
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((name) => [
      `Reduce${name}`,
      reduction,
    ]),
  ),
  ReduceSum: { since: 13, apply: axes },
  Squeeze: { since: 13, apply: axes },
  Unsqueeze: { since: 13, apply: axes },
  Split: { since: 18, apply: evenly },
  Softmax: { since: 13, apply: old },
  LogSoftmax: { since: 13, apply: old },
  /** Without an input that says otherwise it passes values on. */
  Dropout: {
    since: 12,
    apply: (_, node) => ({ ...node, opType: 'Identity', outputs: node.outputs.slice(0, 1), attributes: {} }),
  },
}

/** A node of a file's operator set, as opset 20 has it. */
export function upgrade(graph: Graph, node: Node, version: number): Node {
  const row = node.domain === '' && Object.hasOwn(upgrades, node.opType) ? upgrades[node.opType] : undefined
  return row && version < row.since ? row.apply(graph, node) : node
}

/** Sizes as an input; equal ones, which were those of as many outputs as the node names, as their number. */
function evenly(graph: Graph, node: Node): Node {
  const sized = asInput(graph, node, 'split')
  return sized.inputs.length > 1
    ? sized
    : { ...sized, attributes: { ...sized.attributes, num_outputs: node.outputs.length } }
}

/** A list that was an attribute and became the input after those that the node has. */
function asInput(graph: Graph, node: Node, attribute: string): Node {
  const { [attribute]: list, ...rest } = node.attributes
  if (!Array.isArray(list)) return node
  const input = uniqueName(graph, `${node.name}.${attribute}`)
  addInitializer(graph, input, tensor('int64', [list.length], BigInt64Array.from(list as number[], BigInt)))
  return { ...node, inputs: [...node.inputs, input], attributes: rest }
}
