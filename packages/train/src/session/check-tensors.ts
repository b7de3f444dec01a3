// Checks tensors that are given to a session by the name and shape of its own.

import { dataTypes, elementCount, type Tensor } from '@cola/graph'
import type { Check } from '@cola/graph/options'
import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { CheckpointError } from '../errors.ts'
import { requireFinite } from '../files/require-finite.ts'
import { stateName } from './state-tensors.ts'

export const tensorMap: Check = ['a Map of tensors by name', (value) => value instanceof Map]

/** @throws {CheckpointError} for a name or a shape that the model does not have, or data of another size. */
export function checkTensors(expected: ReadonlyMap<string, Tensor>, found: ReadonlyMap<string, Tensor>): void {
  for (const [name, { dims, bytes, dtype }] of found) {
    const parameter = expected.get(name)
    if (parameter?.dims.join() !== dims.join())
      throw new CheckpointError({
        where: `tensor "${name}"`,
        what: parameter ? 'its shape does not fit the model' : 'the model has no such parameter',
        ...(parameter ? { expected: `[${parameter.dims}]` } : {}),
        found: `[${dims}]`,
      })
    const [size, length] = [elementCount(dims) * dataTypes[dtype].bytes, bytes().length]
    if (length !== size)
      throw new CheckpointError({
        where: `tensor "${name}"`,
        what: 'its data contradicts its shape',
        expected: `${size} bytes`,
        found: String(length),
      })
  }
}

/**
 * Checks that tensors are all parameters and all optimizer state of a session.
 * @throws {CheckpointError} for one that is missing, that the session does not have, or that holds NaN or Infinity.
 */
export function checkState(
  where: string,
  { parameters, stateSlots }: TrainingArtifacts,
  tensors: ReadonlyMap<string, Tensor>,
): void {
  const state = stateSlots.flatMap((slot) =>
    [...parameters].map(([name, data]) => [stateName(name, slot), data] as const),
  )
  const expected = new Map([...parameters, ...state])
  checkTensors(expected, tensors)
  for (const name of expected.keys())
    if (!tensors.has(name))
      throw new CheckpointError({
        where: `tensor "${name}"`,
        what: 'missing from the checkpoint',
        fix: 'It was made with another optimizer or configuration.',
      })
  requireFinite(where, tensors)
}
