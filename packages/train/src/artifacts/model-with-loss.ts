// Forward graphs with a loss: the base of the training model, and the evaluation model.

import { cloneGraph, type Graph, joinSharedInputs, lower, type Loss, type Model, prune } from '@cola/graph'
import { addOutput } from './add-output.ts'
import { type AddedLoss, addLoss, type LossTerm } from './loss-terms.ts'
import { termOutput } from './training-artifacts.ts'

/**
 * The forward graph of a model with its loss. Outputs: loss, the model's outputs, the loss's terms if there are
 * several.
 * @param parameters Names of the initializers that become inputs.
 */
export function withLoss({ graph }: Model, loss: Loss, parameters: readonly string[]): AddedLoss & { graph: Graph } {
  const forward = cloneGraph(graph)
  const added = addLoss(forward, loss)
  const { means } = added
  forward.outputs = [added.loss.name, ...(loss.outputs ?? graph.outputs)]
  if (means.length > 1) for (const [i, mean] of means.entries()) addOutput(forward, termOutput(i), mean)
  for (const name of parameters) {
    forward.initializers.delete(name)
    forward.inputs.push(name)
  }
  if (loss.outputs) prune(forward)
  return { ...added, graph: joinSharedInputs(forward) }
}

/**
 * A model with its loss, for evaluation without training. Outputs: loss, the model's outputs, the loss's terms if there
 * are several.
 */
export function evaluationModel(model: Model, loss: Loss): { graph: Graph; terms: readonly LossTerm[] } {
  const added = withLoss(model, loss, [])
  const graph = lower(added.graph)
  prune(graph)
  return { graph: { ...graph, name: 'eval_model' }, terms: added.terms }
}
