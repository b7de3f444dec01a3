// Optimum merges a decoder with a cache and one without into one file (`decoder_model_merged.onnx`): an If on the input
// `use_cache_branch`. Training computes whole texts, as the branch without a cache does.

import { decodeSubgraph, type GraphProto, type NodeProto } from './proto.ts'

const condition = 'use_cache_branch'

const isCacheBranch = ({ opType, input }: NodeProto): boolean => opType === 'If' && input[0] === condition

/** The graph with the branch that has no cache, without the inputs of the other; itself if it has no such branches. */
export function withoutCacheBranch(proto: GraphProto, where: string): GraphProto {
  if (!proto.input.some(({ name }) => name === condition) || !proto.node.some(isCacheBranch)) return proto
  const branches = proto.node.filter(isCacheBranch).map((node) => ({ node, graph: elseBranch(node, where) }))
  const nodes = proto.node.filter((node) => !isCacheBranch(node))
  const inner = branches.flatMap(({ node, graph }) => [...graph.node, ...copies(node, graph)])
  const read = new Set([...nodes, ...inner].flatMap(({ input }) => input))
  const initializers = [...proto.initializer, ...branches.flatMap(({ graph }) => graph.initializer)]
  const names = ownNames(initializers.map(({ name }) => name))
  const renamed = (name: string): string => names.get(name) ?? name
  return {
    ...proto,
    node: [...nodes, ...inner].map((node) => ({ ...node, input: node.input.map(renamed) })),
    initializer: initializers.map((tensor) => ({ ...tensor, name: renamed(tensor.name) })),
    input: proto.input.filter(({ name }) => read.has(name)),
  }
}

/** What Optimum adds to the name of a parameter that both branches have. */
const merged = /_merged_\d+(?=_|$)/

/** The names before merging, where they are free. */
function ownNames(names: readonly string[]): Map<string, string> {
  const taken = new Set(names)
  const own = new Map<string, string>()
  for (const name of names) {
    const before = name.replace(merged, '')
    if (taken.has(before)) continue
    taken.add(before)
    own.set(name, before)
  }
  return own
}

const elseBranch = ({ attribute, name }: NodeProto, where: string): GraphProto =>
  decodeSubgraph(
    attribute.find((one) => one.name === 'else_branch')?.g ?? new Uint8Array(),
    `${where}, node "${name}", attribute "else_branch"`,
  )

/** Nodes that give a branch's results the names of the If's. */
const copies = (node: NodeProto, { output }: GraphProto): NodeProto[] =>
  output.flatMap(({ name }, i) =>
    name === node.output[i]
      ? []
      : [
          {
            ...node,
            name: `${node.name}/${name}`,
            opType: 'Identity',
            input: [name],
            output: [node.output[i] as string],
            attribute: [],
          },
        ],
  )
