// One product for the queries, keys and values of the runtime's attention, which takes them side by side: a product of
// few rows takes as long to start as to run.

import { addInitializer, cloneGraph, type Graph, getValue, type Node, uniqueName, type Value } from '../ir/graph.ts'
import { consumersOf, producersOf } from '../ir/uses.ts'
import { build, type Builder } from '../ops/build.ts'
import { stackRows } from '../tensor/rows.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** A linear layer on rows, x W' + b, as `foldLinear` makes it: a Gemm, and a Reshape to [..., out]. */
interface Projection {
  readonly gemm: Node
  /** Value with the sizes of the axes before the last. */
  readonly leading: string
}

/**
 * A copy in which GroupQueryAttention reads the product of one matrix, with the rows of the queries above those of the
 * keys and of the values, where products of the same rows make the three and nothing else reads these. The matrix is
 * `qkv_proj.weight` in the module of the three. Call `prune` afterwards.
 */
export function packedAttention(original: Graph): Graph {
  const graph: Graph = { ...cloneGraph(original), nodes: [] }
  const projectionOf = projections(original)
  const g = build(graph)
  for (const node of original.nodes) {
    const parts = node.opType === 'GroupQueryAttention' ? node.inputs.slice(0, 3).map(projectionOf) : []
    const found = parts.filter((part) => part !== undefined)
    if (found.length !== 3 || !areAlike(original, found)) graph.nodes.push(node)
    else graph.nodes.push({ ...node, inputs: [joined(g, found).name, '', '', ...node.inputs.slice(3)] })
  }
  return graph
}

/** The projection that makes a value, if the attention alone reads it and its parameters are constants. */
function projections(graph: Graph): (name: string) => Projection | undefined {
  const [producers, consumers] = [producersOf(graph), consumersOf(graph)]
  const isReadOnce = (name: string): boolean => consumers.get(name)?.length === 1 && !graph.outputs.includes(name)
  return (name) => {
    const reshape = producers.get(name)
    const [gemm, shape] = (reshape?.opType === 'Reshape' ? reshape.inputs : []).map((input) => producers.get(input))
    if (gemm?.opType !== 'Gemm' || !gemm.attributes.transB || shape?.opType !== 'Concat') return undefined
    const isConstant = gemm.inputs.slice(1).every((input) => graph.initializers.has(input))
    if (!isConstant || ![name, gemm.outputs[0] as string].every(isReadOnce)) return undefined
    return { gemm, leading: shape.inputs[0] as string }
  }
}

/** Whether products are of the same rows, with the same attributes, as many inputs, and codes of the same form. */
const areAlike = ({ initializers }: Graph, parts: readonly Projection[]): boolean => {
  const formOf = ({ gemm: { inputs, attributes } }: Projection): string => {
    const [rows, weight = ''] = inputs
    const { bits, blockSize, accuracyLevel = 0, transposed } = initializers.get(weight)?.packed ?? {}
    return JSON.stringify([rows, inputs.length, attributes, bits, blockSize, accuracyLevel, transposed])
  }
  return new Set(parts.map(formOf)).size === 1
}

/** The product of the matrices below each other. */
function joined(g: Builder, parts: readonly Projection[]): Value {
  const { graph } = g
  const [{ gemm, leading }] = parts as [Projection]
  const parameters = gemm.inputs.slice(1).map((_, at) => {
    const names = parts.map((part) => part.gemm.inputs[at + 1] as string)
    const tensors = names.map((name) => graph.initializers.get(name) as Tensor)
    return addInitializer(graph, uniqueName(graph, packedName(names)), stackRows(tensors as [Tensor, ...Tensor[]]))
  })
  const scope = (parameters[0] as Value).name.replace(/\.weight$/, '')
  const rows = getValue(graph, gemm.inputs[0] as string)
  const [product] = g.node('Gemm', [rows, ...parameters], { name: scope, scope, attributes: gemm.attributes }) as [
    Value,
  ]
  return g.Reshape(product, g.Concat(getValue(graph, leading), g.int64([product.shape[1] as number]), { axis: 0 }))
}

/** `self_attn.qkv_proj.weight` for `self_attn.q_proj.weight`, `self_attn.k_proj.weight`, `self_attn.v_proj.weight`. */
function packedName([first = '', ...others]: readonly string[]): string {
  const parts = first.split('.')
  const common = parts.findIndex((part, i) => others.some((other) => other.split('.')[i] !== part))
  return [...parts.slice(0, common), 'qkv_proj', ...parts.slice(common + 1)].join('.')
}
