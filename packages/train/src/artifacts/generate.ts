// The four training artifacts, under the names that ONNX Runtime's own tools gave them, from a model, a loss and an
// optimizer.

import {
  addInput,
  build,
  cloneGraph,
  createGraph,
  differentiate,
  foldReshapes,
  foldTransposes,
  type Graph,
  GraphError,
  int8Products,
  joinProducts,
  joinSharedInputs,
  type Loss,
  lower,
  type Model,
  type Node,
  type Pass,
  prune,
  rewriteOutputs,
  runPasses,
  sumByProduct,
  type Tensor,
  toFloat32,
  type Value,
  withoutUnused,
  getValue,
} from '@cola/graph'
import { callable, type Checks, checkOptions, object, oneOf } from '../options.ts'
import { type Optimizer, type ParameterUpdate, stateSlots } from '../optim/optimizer.ts'
import { type Block, blocksOf, joinValues, readBlocks } from './blocks.ts'
import { type AddedLoss, addLoss, type LossTerm } from './terms.ts'
import { holdUnseenRows } from './unseen.ts'

/** An input that the session fills with a dropout mask: ones kept, zeros dropped. */
export interface DropoutMask {
  input: string
  /** Probability of dropping an element. */
  p: number
}

export interface TrainingArtifacts {
  /**
   * Forward, loss and backward. Inputs, beside the batch and the parameters: what each term T of the loss counts in the
   * gradient (`loss_share.T`, 1 for a batch alone) and whether gradients start anew. Outputs: loss, the model's
   * outputs, the terms (`loss_term.T`) where there are several,
   * `B_grad.accumulation.out` for each block B.
   */
  readonly trainingModel: Graph
  /**
   * Forward and loss, without dropout. Outputs: loss, the model's outputs, the loss's terms where there are several.
   */
  readonly evalModel: Graph
  /** One optimizer step. Outputs: `B.out` and its new state for each block B. */
  readonly optimizerModel: Graph
  /** Values of the trainable parameters at the start. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** The tensors that hold them: the models' inputs. Small parameters share one. */
  readonly blocks: readonly Block[]
  /** Suffixes of the optimizer's state tensors. */
  readonly stateSlots: readonly string[]
  readonly dropoutMasks: readonly DropoutMask[]
  /** What each term of the training model's loss is a mean over. */
  readonly lossTerms: readonly LossTerm[]
  /** The same of the evaluation model's. */
  readonly evalLossTerms: readonly LossTerm[]
  /** The optimizer's name and options, for the record. */
  readonly optimizer: { name: string; options: Readonly<Record<string, unknown>> }
}

export interface ArtifactOptions {
  loss: Loss
  /**
   * Loss that evaluation reports, where it is another: of distilled students, the cross-entropy alone. @default `loss`
   */
  evalLoss?: Loss
  optimizer: Optimizer
  /**
   * How the training model multiplies with large frozen matrices, forward and backward. `int8`: in eight bits, twice as
   * fast on CPU and WASM, the only devices that can; gradients are approximate, evaluation stays in float32. Wortsman
   * et al. 2023. @default 'float32'
   */
  frozenProducts?: FrozenProducts
}

/** Element type in which values and frozen matrices are multiplied while training. */
export type FrozenProducts = 'float32' | 'int8'

/** How products with frozen matrices are rewritten, where they are. */
const multiply: { readonly [Type in FrozenProducts]: readonly Pass[] } = { float32: [], int8: [int8Products] }

/** What is done to the training model when it has its gradients, in this order. */
const trainingPasses = (frozenProducts: FrozenProducts): readonly Pass[] => [
  foldTransposes,
  joinProducts,
  sumByProduct,
  foldReshapes,
  ...multiply[frozenProducts],
  lower,
  withoutUnused,
]

const checks: Checks<ArtifactOptions> = {
  loss: callable,
  evalLoss: callable,
  optimizer: object,
  frozenProducts: oneOf(Object.keys(multiply)),
}

/** Name of a block's accumulated gradient, as an input and as an output of the training model. */
export const gradientBuffer = (block: string): string => `${block}_grad.accumulation.buffer`
export const gradientOutput = (block: string): string => `${block}_grad.accumulation.out`

/** Name of the input that says what a term of the loss counts in the gradient. */
export const shareInput = (term: number): string => `loss_share.${term}`
/** Name of the output that holds a term of a loss of several. */
export const termOutput = (term: number): string => `loss_term.${term}`

/**
 * Differentiates a model into training, evaluation and optimizer graphs. Trainable parameters become required inputs,
 * small ones together; frozen weights stay initializers and get no gradient.
 * @throws {ConfigError} for an option that is unknown or no such thing.
 * @throws {GraphError} when nothing is trainable or a trainable is not a float32 initializer.
 * @throws {UnsupportedOperatorError} naming a node that cannot be differentiated.
 */
export function generateArtifacts(given: Model, options: ArtifactOptions): TrainingArtifacts {
  checkOptions('generateArtifacts', options, checks)
  const { loss, evalLoss = loss, optimizer, frozenProducts = 'float32' } = options
  const model = holdUnseenRows(given, optimizer)
  const parameters = trainableTensors(model)
  const names = [...parameters.keys()]
  const blocks = blocksOf(parameters)
  const evaluated = withLoss(model, evalLoss, names)
  const evaluation = lower(evaluated.graph)
  readBlocks(evaluation, blocks)
  prune(evaluation)

  const { graph: training, ...trained } = withLoss(model, loss, names)
  const dropoutMasks = feedDropoutMasks(training)
  accumulateGradients(training, blocks, trained.means)
  readBlocks(training, blocks)
  return {
    trainingModel: { ...runPasses(training, trainingPasses(frozenProducts)), name: 'training_model' },
    evalModel: { ...evaluation, name: 'eval_model' },
    optimizerModel: optimizerGraph(blocks, optimizer),
    parameters,
    blocks,
    stateSlots: stateSlots(optimizer),
    dropoutMasks,
    lossTerms: trained.terms,
    evalLossTerms: evaluated.terms,
    optimizer: { name: optimizer.name, options: optimizer.options },
  }
}

/**
 * A model with its loss, to be run but not trained. Outputs: loss, the model's outputs, the loss's terms where there
 * are several.
 */
export function evaluationModel(model: Model, loss: Loss): { graph: Graph; terms: readonly LossTerm[] } {
  const added = withLoss(model, loss, [])
  const graph = lower(added.graph)
  prune(graph)
  return { graph: { ...graph, name: 'eval_model' }, terms: added.terms }
}

/**
 * The forward graph with its loss as first output and its terms, if there are several, as last; its trainables are
 * inputs.
 */
function withLoss({ graph }: Model, loss: Loss, names: readonly string[]): AddedLoss & { graph: Graph } {
  const forward = cloneGraph(graph)
  const added = addLoss(forward, loss)
  const { means } = added
  forward.outputs = [added.loss.name, ...graph.outputs]
  if (means.length > 1) for (const [i, mean] of means.entries()) addOutput(forward, termOutput(i), mean)
  for (const name of names) parameterToInput(forward, name)
  return { ...added, graph: joinSharedInputs(forward) }
}

function addOutput(graph: Graph, name: string, value: Value): void {
  build(graph).node('Identity', [value], { outputs: [name] })
  graph.outputs.push(name)
}

function trainableTensors({ graph, trainable }: Model): Map<string, Tensor> {
  const parameters = new Map<string, Tensor>()
  for (const name of trainable) {
    const data = graph.initializers.get(name)
    if (data?.dtype !== 'float32')
      throw new GraphError({
        where: `parameter "${name}"`,
        what: 'a trainable must be a float32 initializer',
        found: data?.dtype ?? 'no such initializer',
        fix: 'Models in other floating-point types: readModel with widen: true, or widen(graph).',
      })
    parameters.set(name, data)
  }
  if (parameters.size === 0)
    throw new GraphError({
      where: `model "${graph.name}"`,
      what: 'nothing to train',
      fix: 'Mark some parameters trainable, with lora() for instance.',
    })
  return parameters
}

function parameterToInput(graph: Graph, name: string): void {
  graph.initializers.delete(name)
  graph.inputs.push(name)
}

/** Dropout becomes x * mask / (1 - p), with the mask an input: no device has a generator that all share. */
function feedDropoutMasks(graph: Graph): DropoutMask[] {
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
    const input = `${node.name}.mask`
    masks.push({ input, p })
    const mask = addInput(graph, input, 'uint8', output.shape)
    const x = getValue(graph, node.inputs[0] as string)
    // One pass makes floats of the mask and scales it, and the backward pass reads the same.
    return g.Mul(x, g.DequantizeLinear(mask, g.scalar(1 / (1 - p))))
  })
  return masks
}

function dropoutRatio(graph: Graph, node: Node): number {
  const ratio = node.opType === 'Dropout' && node.inputs[1] ? graph.initializers.get(node.inputs[1]) : undefined
  return ratio ? (toFloat32(ratio)[0] as number) : 0
}

/**
 * out = reset ? gradient : buffer + gradient, so that any number of micro-batches can share one optimizer step. Each
 * term of the loss counts by its share: how much of what all the micro-batches' mean is over is this batch's.
 */
function accumulateGradients(graph: Graph, blocks: readonly Block[], means: readonly Value[]): void {
  const wrt = blocks.flatMap(({ parts }) => parts.map(({ name }) => name))
  const g = build(graph)
  const shared = means
    .map((mean, i) => g.Mul(mean, addInput(graph, shareInput(i), 'float32', [])))
    .reduce((a, b) => g.Add(a, b))
  const gradients = differentiate(graph, { loss: shared.name, wrt })
  const reset = addInput(graph, 'lazy_reset_grad', 'bool', [1])
  for (const block of blocks) {
    const gradient = joinValues(graph, block, (name) => gradients.get(name) as Value)
    const sum = g.Add(addInput(graph, gradientBuffer(block.name), 'float32', block.dims), gradient)
    const chosen = g.Where(block.dims.length === 0 ? g.Squeeze(reset, g.int64([0])) : reset, gradient, sum)
    addOutput(graph, gradientOutput(block.name), chosen)
  }
}

function optimizerGraph(blocks: readonly Block[], optimizer: Optimizer): Graph {
  const graph = createGraph('optimizer_model')
  const g = build(graph)
  const scalars = {
    learningRate: addInput(graph, 'learning_rate', 'float32', []),
    step: addInput(graph, 'step', 'float32', []),
  }
  const gradientScale = addInput(graph, 'gradient_scale', 'float32', [])
  const dims = new Map(blocks.map((block) => [block.name, block.dims]))
  const updates: ParameterUpdate[] = blocks.map((block) => {
    const parameter = addInput(graph, block.name, 'float32', block.dims)
    const gradient = addInput(graph, `${block.name}_grad`, 'float32', block.dims)
    return { ...block, parameter, update: g.Mul(gradient, gradientScale) }
  })
  const saved = new Map<string, Value>()
  const read = (name: string, slot: string) => addInput(graph, `${name}.${slot}`, 'float32', dims.get(name) ?? [])
  const save = (name: string, slot: string, value: Value) => saved.set(`${name}.${slot}.out`, value)
  const final = optimizer.chain.reduce<readonly ParameterUpdate[]>(
    (list, link) => link.apply(g, list, scalars, { read, save }),
    updates,
  )
  for (const { name, parameter, update } of final)
    saved.set(`${name}.out`, g.Sub(parameter, g.Mul(update, scalars.learningRate)))
  for (const [name, value] of saved) addOutput(graph, name, value)
  return graph
}
