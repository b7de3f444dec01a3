// Takes the optimizer model's steps: in the arrays of parameters and state where these are the processor's, else by a
// session of the runtime.

import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { deviceRow, type ResolvedDevice } from '../runtime/devices.ts'
import type { ElementwiseRun } from '../runtime/elementwise/open-elementwise.ts'
import { type OrtSession, OrtTensor, type OrtTensors } from '../runtime/ort.ts'
import { runError } from '../runtime/run-error.ts'
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

/**
 * Opens the optimizer model.
 * @param open Opens it as a session, for devices on which tensors stay, and for optimizers whose operators are not all
 * elementwise.
 */
export async function openOptimizer(
  { optimizerModel }: TrainingArtifacts,
  device: ResolvedDevice,
  open: () => Promise<OrtSession>,
): Promise<OptimizerStep> {
  if (deviceRow(device).resident) return bySession(await open(), device)
  const { openElementwise } = await import('../runtime/elementwise/open-elementwise.ts')
  const replaced = new Map(optimizerModel.outputs.map((name) => [name, name.replace(/\.out$/, '')]))
  const run = await openElementwise(optimizerModel, replaced)
  return run ? inPlace(run) : bySession(await open(), device)
}

const inPlace = (run: ElementwiseRun): OptimizerStep => ({
  async run(updated, gradients, numbers) {
    const tensors = Object.entries<OrtTensor>(Object.assign({}, ...updated, gradients))
    run(Object.fromEntries(tensors.map(([name, { data }]) => [name, data as Float32Array])), numbers)
  },
  release: async () => undefined,
})

const bySession = (session: OrtSession, device: ResolvedDevice): OptimizerStep => ({
  async run(updated, gradients, numbers) {
    const scalars = Object.entries(numbers).map(([name, number]) => [name, scalar(number)] as const)
    const feeds: OrtTensors = Object.assign(Object.fromEntries(scalars), ...updated, gradients)
    const inputs = session.inputNames.map((name) => [name, feeds[name] as OrtTensor])
    const results = await session.run(Object.fromEntries(inputs)).catch((cause) => {
      throw runError(device, cause)
    })
    for (const tensors of updated)
      for (const name of Object.keys(tensors)) {
        dispose(tensors[name])
        tensors[name] = results[`${name}.out`] as OrtTensor
      }
  },
  release: () => session.release(),
})

/** A number as an input. */
export const scalar = (value: number): OrtTensor => new OrtTensor('float32', Float32Array.of(value), [])
