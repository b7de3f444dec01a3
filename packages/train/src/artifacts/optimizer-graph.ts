// Builds the optimizer model: one step of an optimizer's chain over all blocks.

import { addInput, build, createGraph, type Graph, type Value } from '@cola/graph'
import type { BiasCorrection, Optimizer, ParameterUpdate } from '../optim/optimizer.ts'
import { addOutput } from './add-output.ts'
import type { Block } from './blocks.ts'
import { optimizerInputs } from './training-artifacts.ts'

/**
 * Inputs: the blocks B, `B_grad`, their state, {@link optimizerInputs} and the bias corrections. Outputs: `B.out` and
 * the new state.
 */
export function optimizerGraph(
  blocks: readonly Block[],
  optimizer: Optimizer,
): { graph: Graph; biasCorrections: readonly BiasCorrection[] } {
  const graph = createGraph('optimizer_model')
  const g = build(graph)
  const biasCorrections: BiasCorrection[] = []
  const biasCorrection = (beta: number, power: number): Value => {
    const input = `bias_correction.${beta}^${power}`
    const existing = graph.values.get(input)
    if (!existing) biasCorrections.push({ input, beta, power })
    return existing ?? addInput(graph, input, 'float32', [])
  }
  const scalars = {
    biasCorrection,
    learningRate: addInput(graph, optimizerInputs.learningRate, 'float32', []),
    step: addInput(graph, optimizerInputs.step, 'float32', []),
  }
  const gradientScale = addInput(graph, optimizerInputs.gradientScale, 'float32', [])
  const dims = new Map(blocks.map((block) => [block.name, block.dims]))
  const updates: ParameterUpdate[] = blocks.map((block) => {
    const parameter = addInput(graph, block.name, 'float32', block.dims)
    const gradient = addInput(graph, `${block.name}_grad`, 'float32', block.dims)
    return { ...block, parameter, update: g.Mul(gradient, gradientScale) }
  })
  const outputs = new Map<string, Value>()
  const read = (name: string, slot: string) => addInput(graph, `${name}.${slot}`, 'float32', dims.get(name) ?? [])
  const save = (name: string, slot: string, value: Value) => outputs.set(`${name}.${slot}.out`, value)
  const final = optimizer.chain.reduce<readonly ParameterUpdate[]>(
    (list, link) => link.apply(g, list, scalars, { read, save }),
    updates,
  )
  for (const { name, parameter, update } of final)
    outputs.set(`${name}.out`, g.Sub(parameter, g.Mul(update, scalars.learningRate)))
  for (const [name, value] of outputs) addOutput(graph, name, value)
  return { graph, biasCorrections }
}
