// Options of a training session and of its steps, their checks, and the state that it gives.

import type { Tensor } from '@cola/graph'
import { atLeast, callable, type Check, type Checks, flag, integer, listOf, object, text } from '@cola/graph/options'
import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import type { Device } from '../runtime/devices.ts'

/** Options of TrainingSession.create. */
export interface TrainingSessionOptions {
  artifacts: TrainingArtifacts
  /** @default 'auto' */
  device?: Device
  /** Folder for the ONNX files and the frozen weights they share. @default a temporary one, removed on release */
  folder?: string
  /** Seed of the dropout masks. @default 0 */
  seed?: number
  /** Is told when a browser's runtime has to compute on one thread: once in a page. @default nobody is told */
  onWarning?: (message: string) => void
}

const models = ['trainingModel', 'evalModel', 'optimizerModel'] as const
/** The check of the option `artifacts`. */
export const madeArtifacts: Check = [
  'the artifacts of generateArtifacts or loadArtifacts',
  (value) =>
    object[1](value) &&
    models.every((name) => object[1]((value as TrainingArtifacts)[name])) &&
    (value as TrainingArtifacts).parameters instanceof Map,
]
export const sessionChecks: Checks<TrainingSessionOptions> = {
  artifacts: madeArtifacts,
  device: text,
  folder: text,
  seed: integer,
  onWarning: callable,
}

/** State from which a run continues exactly: float32 tensors by name, and the number of optimizer steps. */
export interface SessionState {
  tensors: Map<string, Tensor>
  step: number
}

/** Options of a training step. */
export interface TrainStepOptions {
  /**
   * The sums of `lossCounts` over all batches until the optimizer step. It makes losses exact whose terms are
   * means over different things (rows and labels, for instance); others are exact without it. Pass it for all of these
   * batches or for none. @default none
   */
  window?: readonly number[]
  /** Whether the model's outputs are read; without them a few bytes leave the device. @default true */
  outputs?: boolean
}

export const stepChecks: Checks<TrainStepOptions> = { window: listOf(atLeast(0)), outputs: flag }
