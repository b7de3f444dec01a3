// The graph of a base model whose adapters are inputs.

import {
  addInitializer,
  addInput,
  type Builder,
  cloneGraph,
  float32,
  getValue,
  type Graph,
  type Node,
  rewriteOutputs,
  type Tensor,
  type Value,
} from '@cola/graph'
import { adaptableLayers } from '../inject/inspect.ts'
import { biasName } from '../methods/lora/extras.ts'
import { loraNames, type LoraTarget } from '../methods/lora/matrices.ts'
import { parameterName } from '../methods/target.ts'

/** Targets by the graph's names of their layers. */
export type Targets = ReadonlyMap<string, LoraTarget>

/** What is switched: a base model, and what differs between its adapters. */
export interface Switched {
  readonly base: Graph
  readonly targets: Targets
  /** Parameters that an adapter saves in full. */
  readonly saved: readonly string[]
  readonly rank: number
  /** Whether an adapter has magnitudes. */
  readonly use_dora: boolean
  /** Whether an adapter has biases of B. */
  readonly lora_bias: boolean
}

/** Names of the inputs of a layer beside its two matrices, [out]; embeddings have none. */
export const extraNames = ({ kind, module }: LoraTarget, { use_dora, lora_bias }: Switched) => ({
  /** m / ||W + scaling B A||, which PEFT calls mag_norm_scale; 1 without DoRA. */
  scale: use_dora && kind === 'linear' ? parameterName(module, 'lora_mag_norm_scale') : undefined,
  /** What is added to each output; 0 without `lora_bias`. */
  bias: lora_bias && kind === 'linear' ? biasName(module) : undefined,
})

/**
 * Adds lora_scale (x A B + (scale - 1) (y - bias) + bias of B) to the output y of each target; `declare` adds the
 * inputs.
 */
function injectAdapters(switched: Switched, declare: (graph: Graph) => void, scaled: boolean): Graph {
  const { base, targets } = switched
  const graph = cloneGraph(base)
  declare(graph)
  const modules = new Map(adaptableLayers(base).map(({ node, module }) => [node.outputs[0] as string, module]))
  rewriteOutputs(graph, (node, output, g) => {
    const target = targets.get(modules.get(node.outputs[0] as string) ?? '')
    if (!target) return undefined
    const delta = change(g, node, output, target, switched)
    return g.Add(output, scaled ? g.Mul(delta, getValue(graph, 'lora_scale')) : delta)
  })
  return graph
}

/** What an adapter adds to a layer's output. */
function change(g: Builder, { inputs }: Node, output: Value, target: LoraTarget, switched: Switched): Value {
  const value = (name: string) => getValue(g.graph, name)
  const [a, b] = loraNames(target).map(value) as [Value, Value]
  const [first, second] = inputs.map(value) as [Value, Value]
  const low = target.kind === 'embedding' ? g.Gather(a, second) : g.MatMul(first, a)
  const product = g.MatMul(low, b)
  const { scale, bias } = extraNames(target, switched)
  const plain = () => (inputs[2] ? g.Sub(output, value(inputs[2])) : output)
  const grown = scale ? g.Add(product, g.Mul(plain(), g.Sub(value(scale), g.scalar(1)))) : product
  return bias ? g.Add(grown, value(bias)) : grown
}

/** A and B padded to one rank, as inputs that each run needs. */
export function requiredInputs(switched: Switched): Graph {
  const { targets, saved, rank } = switched
  return injectAdapters(
    switched,
    (graph) => {
      addInput(graph, 'lora_scale', 'float32', [])
      for (const target of targets.values()) {
        const { inFeatures, outFeatures } = target
        const [a, b] = loraNames(target)
        addInput(graph, a, 'float32', [inFeatures, rank])
        addInput(graph, b, 'float32', [rank, outFeatures])
        for (const name of Object.values(extraNames(target, switched)))
          if (name) addInput(graph, name, 'float32', [outFeatures])
      }
      for (const name of saved) {
        graph.initializers.delete(name)
        graph.inputs.push(name)
      }
    },
    true,
  )
}

/** Inputs whose defaults are no adapter. */
export function overridableInputs(switched: Switched): Graph {
  return injectAdapters(
    switched,
    (graph) => {
      const overridable = (name: string, data: Tensor, shape: readonly (number | string)[]) => {
        const value = addInitializer(graph, name, data)
        graph.values.set(name, { ...value, shape })
        graph.inputs.push(name)
      }
      for (const target of switched.targets.values()) {
        const { inFeatures, outFeatures } = target
        const [a, b] = loraNames(target)
        overridable(a, float32([inFeatures, 0], []), [inFeatures, 'rank'])
        overridable(b, float32([0, outFeatures], []), ['rank', outFeatures])
        const { scale, bias } = extraNames(target, switched)
        const all = (value: number) => float32([outFeatures], new Float32Array(outFeatures).fill(value))
        if (scale) overridable(scale, all(1), [outFeatures])
        if (bias) overridable(bias, all(0), [outFeatures])
      }
      graph.inputs.push(...switched.saved)
    },
    false,
  )
}
