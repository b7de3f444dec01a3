// Takes the optimizer model's steps: in the arrays of parameters and state where these are the processor's, else by a
// session of the runtime.

import { elementCount } from '@cola/graph'
import { optimizerInputs, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { hasFiles } from '../files/node.ts'
import { deviceRow, type ResolvedDevice } from '../runtime/devices.ts'
import { type OrtSession, OrtTensor, type OrtTensors } from '../runtime/ort.ts'
import { dispose } from './state-tensors.ts'

/** The optimizer model on a device. */
export interface OptimizerStep {
  /**
   * Takes a step.
   * @param updated Parameters and state by the names of the model's inputs. Each becomes what it is after the step: its
   * elements are replaced, or the tensor.
   * @param gradients By the names of the model's inputs.
   * @param numbers The model's other inputs.
   */
  readonly run: (
    updated: readonly OrtTensors[],
    gradients: OrtTensors,
    numbers: Readonly<Record<string, number>>,
  ) => Promise<void>
  readonly release: () => Promise<void>
}

/** Elements of a block from which a page fetches what takes steps in place: fewer take a session few milliseconds. */
const worthFetching = 2 ** 20

/**
 * Opens the optimizer model.
 * @param open Opens it as a session, for devices on which tensors stay, and for optimizers whose operators are not all
 * elementwise.
 */
export async function openOptimizer(
  { optimizerModel, blocks }: TrainingArtifacts,
  device: ResolvedDevice,
  open: () => Promise<OrtSession>,
): Promise<OptimizerStep> {
  const isWorth = hasFiles() || blocks.some(({ dims }) => elementCount(dims) >= worthFetching)
  const inPlace =
    isWorth && !deviceRow(device).resident && (await (await import('./step-in-place.ts')).openInPlace(optimizerModel))
  return inPlace || bySession(await open(), device)
}

const bySession = (session: OrtSession, device: ResolvedDevice): OptimizerStep => ({
  async run(updated, gradients, numbers) {
    const held: OrtTensors = Object.assign({}, ...updated, gradients)
    const feeds: OrtTensors = {}
    // State that an optimizer only writes is no input, and a browser's runtime refuses one that is not.
    for (const name of session.inputNames) feeds[name] = held[name] ?? scalar(numbers[name] as number)
    const results = await session.run(feeds).catch(async (cause) => {
      throw (await import('../runtime/run-error.ts')).runError(device, cause)
    })
    for (const tensors of updated)
      for (const name of Object.keys(tensors)) {
        dispose(tensors[name])
        tensors[name] = results[`${name}.out`] as OrtTensor
      }
  },
  release: () => session.release(),
})

/** The numbers that the optimizer model reads, besides the tensors. @param step The step's number, from 1. */
export const stepNumbers = (
  { biasCorrections = [] }: TrainingArtifacts,
  { step, ...others }: { learningRate: number; step: number; gradientScale: number },
): Record<string, number> => ({
  [optimizerInputs.learningRate]: others.learningRate,
  [optimizerInputs.step]: step,
  [optimizerInputs.gradientScale]: others.gradientScale,
  ...Object.fromEntries(biasCorrections.map(({ input, beta, power }) => [input, (1 - beta ** step) ** power])),
})

/** A number as an input. */
export const scalar = (value: number): OrtTensor => new OrtTensor('float32', Float32Array.of(value), [])
