// Generates the training, evaluation and optimizer models, under ONNX Runtime's names, from a model, a loss and an
// optimizer.

import { requireKind } from '@cola/graph/door'
import {
  addInput,
  build,
  checkpoints,
  differentiate,
  float16Matrices,
  foldReshapes,
  foldTransposes,
  type Graph,
  GraphError,
  int8Products,
  joinProducts,
  joinShapes,
  type Loss,
  lower,
  type Model,
  type Pass,
  prune,
  recompute,
  runAfterGradients,
  runPasses,
  sumByProduct,
  type Tensor,
  turns,
  type Value,
  withoutUnused,
} from '@cola/graph'
import { callable, type Checks, checkOptions, flag, object, oneOf, requireOptions } from '@cola/graph/options'
import { type Optimizer, stateSlots } from '../optim/optimizer.ts'
import { addOutput } from './add-output.ts'
import { type Block, blocksOf, joinValues, readBlocks } from './blocks.ts'
import { addDropoutMasks } from './dropout-masks.ts'
import { withLoss } from './model-with-loss.ts'
import { optimizerGraph } from './optimizer-graph.ts'
import { gradientBuffer, gradientOutput, shareInput, type TrainingArtifacts } from './training-artifacts.ts'
import { holdUnseenRows } from './unseen-rows.ts'

/** Options of {@link generateArtifacts}. */
export interface ArtifactOptions {
  loss: Loss
  /** Loss of the evaluation model, such as the cross-entropy alone for a distilled student. @default `loss` */
  evalLoss?: Loss
  optimizer: Optimizer
  /**
   * How large frozen matrices are held and multiplied with, forward and backward. `int8`: products in eight bits, twice
   * as fast on CPU and WASM, the only devices that support it; gradients are approximate, evaluation stays in float32.
   * Wortsman et al. 2023. `float16`: the matrices are held in float16, in training and evaluation, and converted where
   * they are read; products are float32. Half of the weights' memory on a GPU with float16 (WebGPU's `shader-f16`);
   * CPU and WASM convert them when a session is opened, and gain nothing. @default 'float32'
   */
  frozenProducts?: FrozenProducts
  /**
   * Keep the values between layers only and compute the others again for the backward pass: several times less memory
   * for activations, a third to a half more time. Results are the same. Chen et al. 2016. @default false
   */
  gradientCheckpointing?: boolean
}

/** Element type in which frozen matrices are held, or multiplied with, during training. */
export type FrozenProducts = 'float32' | 'float16' | 'int8'

interface ProductPasses {
  readonly training: readonly Pass[]
  readonly evaluation: readonly Pass[]
}

const productPasses: { readonly [Type in FrozenProducts]: ProductPasses } = {
  float32: { training: [], evaluation: [] },
  float16: { training: [float16Matrices], evaluation: [float16Matrices] },
  int8: { training: [int8Products], evaluation: [] },
}

/** The passes over the training model after differentiation, in the order in which they run. */
const trainingPasses = (frozenProducts: FrozenProducts): readonly Pass[] => [
  foldTransposes,
  joinProducts,
  sumByProduct,
  foldReshapes,
  ...productPasses[frozenProducts].training,
  lower,
  joinShapes,
  withoutUnused,
]

const checks: Checks<ArtifactOptions> = {
  loss: callable,
  evalLoss: callable,
  optimizer: object,
  frozenProducts: oneOf(Object.keys(productPasses)),
  gradientCheckpointing: flag,
}

/**
 * Differentiates a model into training, evaluation and optimizer graphs. Trainable parameters become required inputs,
 * of which small ones share one; frozen weights stay initializers and get no gradient.
 * @throws {ConfigError} for an option that is unknown or not valid.
 * @throws {GraphError} when nothing is trainable or a trainable is not a float32 initializer.
 * @throws {UnsupportedOperatorError} naming a node that cannot be differentiated.
 */
export function generateArtifacts(model: Model, options: ArtifactOptions): TrainingArtifacts {
  checkOptions('generateArtifacts', options, checks)
  requireOptions('generateArtifacts', options, checks, ['loss', 'optimizer'])
  requireKind('generateArtifacts, model', model, 'model')
  const { loss, evalLoss = loss, optimizer, frozenProducts = 'float32', gradientCheckpointing = false } = options
  const held = holdUnseenRows(model, optimizer)
  const parameters = trainableTensors(held)
  const names = [...parameters.keys()]
  const blocks = blocksOf(parameters)
  const evaluated = withLoss(held, evalLoss, names)
  const evaluation = lower(evaluated.graph)
  readBlocks(evaluation, blocks)
  prune(evaluation)

  const { graph: training, ...trained } = withLoss(held, loss, names)
  const dropoutMasks = addDropoutMasks(training)
  accumulateGradients(training, blocks, trained.means, gradientCheckpointing)
  readBlocks(training, blocks)
  const { graph: optimizerModel, biasCorrections } = optimizerGraph(blocks, optimizer)
  return {
    trainingModel: { ...runPasses(training, trainingPasses(frozenProducts)), name: 'training_model' },
    evalModel: { ...runPasses(evaluation, productPasses[frozenProducts].evaluation), name: 'eval_model' },
    optimizerModel,
    biasCorrections,
    gradientCheckpointing,
    parameters,
    blocks,
    stateSlots: stateSlots(optimizer),
    dropoutMasks,
    lossTerms: trained.terms,
    evalLossTerms: evaluated.terms,
    optimizer: { name: optimizer.name, options: optimizer.options },
  }
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

/**
 * out = reset ? gradient : buffer + gradient, so that any number of micro-batches can share one optimizer step. Each
 * loss term is weighted by its share: the batch's part of the count that the mean over all micro-batches divides by.
 */
function accumulateGradients(
  graph: Graph,
  blocks: readonly Block[],
  means: readonly Value[],
  recomputes: boolean,
): void {
  const wrt = blocks.flatMap(({ parts }) => parts.map(({ name }) => name))
  const g = build(graph)
  const weighted = means
    .map((mean, i) => g.Mul(mean, addInput(graph, shareInput(i), 'float32', [])))
    .reduce((a, b) => g.Add(a, b))
  const [forward, kept] = [graph.nodes.length, recomputes ? checkpoints(graph, wrt) : []]
  const gradients = differentiate(graph, { loss: weighted.name, wrt: [...wrt, ...kept, ...turns(graph)] })
  if (recomputes) recompute(graph, { forward, kept, gradients })
  runAfterGradients(graph, gradients)
  const reset = addInput(graph, 'lazy_reset_grad', 'bool', [1])
  for (const block of blocks) {
    const gradient = joinValues(graph, block, (name) => gradients.get(name) as Value)
    const sum = g.Add(addInput(graph, gradientBuffer(block.name), 'float32', block.dims), gradient)
    const isReset = block.dims.length === 0 ? g.Reshape(reset, g.int64([])) : reset
    addOutput(graph, gradientOutput(block.name), g.Where(isReset, gradient, sum))
  }
}
