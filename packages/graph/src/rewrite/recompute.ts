// Gradient checkpointing (Chen et al. 2016, arXiv 1604.06174): of the forward pass, only values between which the graph
// is one chain are kept, the residual stream of a transformer; the backward pass computes the others again.

import { requireKind } from '../door.ts'
import { checkOptions, type Checks, list, map, requireOptions, whole } from '../options.ts'
import { addValue, type Graph, getValue, type Node, uniqueName, type Value } from '../ir/graph.ts'
import { build } from '../ops/build.ts'
import { memoize } from './memoize.ts'

/**
 * The values that everything after them depends on earlier trainables through: after such a value, no other value that
 * depends on a trainable and comes before it is read.
 */
export function checkpoints(graph: Graph, trainables: readonly string[]): string[] {
  requireKind('checkpoints, graph', graph, 'graph')
  const { nodes, outputs, values } = graph
  const reached = new Set(trainables)
  const lastRead = new Map<string, number>(outputs.map((name) => [name, nodes.length]))
  nodes.forEach(({ inputs, outputs: made }, i) => {
    for (const name of inputs) lastRead.set(name, Math.max(i, lastRead.get(name) ?? 0))
    if (inputs.some((name) => reached.has(name))) for (const name of made) reached.add(name)
  })
  const parameters = new Set(trainables)
  // After the last layer there is the loss: its gradient is known at once, and copies would compute the head twice.
  const isScalar = (name: string) => values.get(name)?.shape.length === 0
  let live: string[] = []
  return nodes.flatMap(({ outputs: made }, i) => {
    live = [...live, ...made.filter((name) => reached.has(name) && !parameters.has(name))].filter(
      (name) => (lastRead.get(name) ?? 0) > i,
    )
    return live.length === 1 && made.includes(live[0] as string) && !isScalar(live[0] as string) ? live : []
  })
}

/** Options of gradient checkpointing. */
export interface RecomputeOptions {
  /** Number of nodes of the forward pass, which come first. */
  readonly forward: number
  /** {@link checkpoints} of the forward pass. */
  readonly kept: readonly string[]
  /** The gradient of each checkpoint. */
  readonly gradients: ReadonlyMap<string, Value>
}

const checks: Checks<RecomputeOptions> = { forward: whole(0), kept: list, gradients: map }

/**
 * Lets the backward pass read copies of the forward pass's values, each computed from the checkpoint before it when the
 * gradient of the checkpoint after it is known, in place. Results are the same; a step on a frozen base takes a third
 * to a half longer.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function recompute(graph: Graph, options: RecomputeOptions): void {
  checkOptions('recompute', options, checks)
  requireOptions('recompute', options, checks, ['forward', 'kept', 'gradients'])
  requireKind('recompute, graph', graph, 'graph')
  const { forward, kept, gradients } = options
  const [first, last] = [graph.nodes.slice(0, forward), graph.nodes.slice(forward)]
  graph.nodes = [...first]
  const g = build(graph)
  const positions = new Map(first.flatMap((node, i) => node.outputs.map((name) => [name, i] as const)))
  const ends = kept.map((name) => positions.get(name) as number)
  /** The checkpoint after a node; none for what comes after the last one, and what comes before the first is kept. */
  const segmentOf = (name: string): number => {
    const position = positions.get(name)
    if (position === undefined || kept.includes(name)) return -1
    const segment = ends.findIndex((end) => position < end)
    return segment < 1 ? -1 : segment
  }
  const starts = memoize<string>()
  /** A checkpoint plus 0 times the sum of the next one's gradient, so that nothing that reads it runs before. */
  const startOf = (from: string, to: string): string =>
    starts(from, () => {
      const nothing = g.Mul(g.ReduceSum(gradients.get(to) as Value, { keepdims: 0 }), g.scalar(0))
      return g.Add(getValue(graph, from), nothing).name
    })
  const copies = new Map<string, string>()
  const copyOf = (name: string, segment: number): string => {
    if (name === kept[segment - 1]) return startOf(name, kept[segment] as string)
    if (segment < 0 || segmentOf(name) !== segment) return name
    const known = copies.get(name)
    if (known !== undefined) return known
    const node = first[positions.get(name) as number] as Node
    const inputs = node.inputs.map((input) => copyOf(input, segment))
    if (inputs.every((input, i) => input === node.inputs[i])) {
      for (const output of node.outputs) copies.set(output, output)
      return name
    }
    const outputs = node.outputs.map((output) => {
      if (output === '') return ''
      const copy = addValue(graph, { ...getValue(graph, output), name: uniqueName(graph, `${output}.again`) }).name
      copies.set(output, copy)
      return copy
    })
    graph.nodes.push({ ...node, name: `${node.name}.again`, inputs, outputs })
    return copies.get(name) as string
  }
  for (const node of last) {
    const inputs = node.inputs.map((name) => copyOf(name, segmentOf(name)))
    graph.nodes.push(inputs.every((name, i) => name === node.inputs[i]) ? node : { ...node, inputs })
  }
}
