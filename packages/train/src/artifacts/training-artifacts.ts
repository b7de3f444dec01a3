// Type of the training artifacts, and the names of their inputs and outputs: those of ONNX Runtime's training API.

import { evaluateDim, type Graph, getValue, type Tensor } from '@cola/graph'
import type { BiasCorrection } from '../optim/optimizer.ts'
import type { Block } from './blocks.ts'
import type { DropoutMask } from './dropout-masks.ts'
import type { LossTerm } from './loss-terms.ts'

/** The training, evaluation and optimizer graphs of a model, and what a session needs to run them. */
export interface TrainingArtifacts {
  /**
   * Forward, loss and backward. Inputs, besides the batch and the parameters: `loss_share.T`, the weight of each loss
   * term T in the gradient (1 for a single batch), and `lazy_reset_grad`, whether a new sum of gradients starts.
   * Outputs: loss, the model's outputs, `loss_term.T` for each term T of several, `B_grad.accumulation.out` for each
   * block B.
   */
  readonly trainingModel: Graph
  /**
   * Forward and loss, without dropout. Outputs: loss, the model's outputs, `loss_term.T` for each term T of several.
   */
  readonly evalModel: Graph
  /** One optimizer step. Outputs: `B.out` and the new state of each block B. */
  readonly optimizerModel: Graph
  /** Initial values of the trainable parameters. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** The tensors that hold the parameters: the models' inputs. Small parameters share one. */
  readonly blocks: readonly Block[]
  /** Suffixes of the optimizer's state tensors. */
  readonly stateSlots: readonly string[]
  readonly dropoutMasks: readonly DropoutMask[]
  /** Inputs of the optimizer model that depend on the step; none in artifacts of earlier versions. */
  readonly biasCorrections?: readonly BiasCorrection[]
  /** What each term of the training model's loss is a mean over. */
  readonly lossTerms: readonly LossTerm[]
  /** What each term of the evaluation model's loss is a mean over. */
  readonly evalLossTerms: readonly LossTerm[]
  /** Whether the backward pass computes values of the forward pass again; then weights are not copied for speed. */
  readonly gradientCheckpointing: boolean
  /** The optimizer's name and options, as a record of how the artifacts were made. */
  readonly optimizer: { name: string; options: Readonly<Record<string, unknown>> }
}

/** Name of a block's accumulated gradient as an input of the training model. */
export const gradientBuffer = (block: string): string => `${block}_grad.accumulation.buffer`

/** Name of a block's accumulated gradient as an output of the training model. */
export const gradientOutput = (block: string): string => `${block}_grad.accumulation.out`

/** Name of the input that holds the weight of a loss term in the gradient. */
export const shareInput = (term: number): string => `loss_share.${term}`

/** Name of the output that holds a term of a loss with several. */
export const termOutput = (term: number | ''): string => `loss_term.${term}`

/** Names of the scalar inputs of the optimizer model. */
export const optimizerInputs = { learningRate: 'learning_rate', step: 'step', gradientScale: 'gradient_scale' } as const

/** The inputs of the training model that a batch fills: not those of parameters, gradients, shares and masks. */
export function batchInputs({ trainingModel, blocks, lossTerms, dropoutMasks }: TrainingArtifacts): string[] {
  const others = new Set([
    ...blocks.flatMap(({ name }) => [name, gradientBuffer(name)]),
    'lazy_reset_grad',
    ...lossTerms.map((_, i) => shareInput(i)),
    ...dropoutMasks.map(({ input }) => input),
  ])
  return trainingModel.inputs.filter((name) => !others.has(name))
}

/** The shapes of a batch's dropout masks, by the sizes of the symbols in its inputs' shapes. */
export const maskShapes = (
  { trainingModel, dropoutMasks }: TrainingArtifacts,
  symbols: ReadonlyMap<string, number>,
): number[][] =>
  dropoutMasks.map(({ input }) =>
    getValue(trainingModel, input).shape.map((dim) => evaluateDim(dim, symbols) as number),
  )
