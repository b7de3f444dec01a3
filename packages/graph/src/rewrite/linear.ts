// Linear layers as exporters write them (MatMul with a matrix, perhaps behind a Transpose, then an Add of the bias) become one Gemm on rows.
// The matrix stays as it is: a runtime would fold its Transpose into a second copy of every weight.

import { cloneGraph, type Graph, getValue, type Node, type Value } from '../ir/graph.ts'
import { makersOf, readersOf } from '../ir/uses.ts'
import { addNode, build } from '../ops/builder.ts'

/** A copy of the graph with each product with a matrix that it holds as a Gemm. Names of values stay. */
export function foldLinear(graph: Graph): Graph {
  const [makers, readers] = [makersOf(graph), readersOf(graph)]
  const folded: Graph = { ...cloneGraph(graph), nodes: [] }
  const g = build(folded)
  const kept = new Map<string, Value>()
  /** Made once for each text: the rows of a value, the shape to give a product back. */
  const once = (key: string, make: () => Value): Value => {
    const value = kept.get(key) ?? make()
    kept.set(key, value)
    return value
  }
  const dropped = new Set<Node>()
  for (const node of graph.nodes) {
    if (dropped.has(node)) continue
    const matrix = node.opType === 'MatMul' ? matrixOf(graph, makers, node) : undefined
    const x = matrix && getValue(folded, node.inputs[0] as string)
    const rank = x?.shape.length ?? 0
    if (!matrix || !x || rank < 2) {
      folded.nodes.push(node)
      continue
    }
    const add = biasAfter(graph, readers, node, matrix.out)
    if (add) dropped.add(add.node)
    const output = (add?.node ?? node).outputs[0] as string
    const type = getValue(folded, output)
    folded.values.delete(output)
    const rows = rank === 2 ? x : once(`rows ${x.name}`, () => g.Reshape(x, g.int64([-1, matrix.in])))
    const inputs = [rows, getValue(folded, matrix.name), ...(add ? [getValue(folded, add.bias)] : [])]
    const options = { name: node.name, scope: node.scope, attributes: matrix.transposed ? { transB: 1 } : {} }
    if (rank === 2) {
      addNode(folded, 'Gemm', inputs, { ...options, outputs: [output] })
    } else {
      const product = addNode(folded, 'Gemm', inputs, options)[0] as Value
      const shape = once(`shape ${x.name} ${matrix.out}`, () => g.Concat(g.Shape(x, { start: 0, end: rank - 1 }), g.int64([matrix.out]), { axis: 0 }))
      addNode(folded, 'Reshape', [product, shape], { outputs: [output] })
    }
    folded.values.set(output, type)
  }
  return folded
}

/** The initializer that a MatMul multiplies with, read as it is or through a Transpose. */
function matrixOf(graph: Graph, makers: ReadonlyMap<string, Node>, node: Node): { name: string; transposed: boolean; in: number; out: number } | undefined {
  const read = node.inputs[1] as string
  const maker = makers.get(read)
  const perm = maker?.opType === 'Transpose' ? maker.attributes.perm : null
  const transposed = perm === undefined || String(perm) === '1,0'
  const name = transposed && maker ? (maker.inputs[0] as string) : read
  const dims = graph.initializers.get(name)?.dims
  if (dims?.length !== 2) return undefined
  const [rows, columns] = dims as [number, number]
  return name === read ? { name, transposed: false, in: rows, out: columns } : { name, transposed: true, in: columns, out: rows }
}

/** The Add of a vector that is all that reads a product. */
function biasAfter(graph: Graph, readers: ReadonlyMap<string, readonly Node[]>, node: Node, size: number): { node: Node; bias: string } | undefined {
  const product = node.outputs[0] as string
  const [add, ...others] = readers.get(product) ?? []
  if (add?.opType !== 'Add' || others.length > 0 || graph.outputs.includes(product)) return undefined
  const bias = add.inputs.find((name) => graph.initializers.get(name)?.dims.join() === String(size))
  return bias === undefined ? undefined : { node: add, bias }
}
