// Checks that tensors of a checkpoint are finite: one NaN in an optimizer's state makes every later loss NaN, far from
// its cause.

import { dataTypes, type Tensor, toFloat32 } from '@cola/graph'
import { CheckpointError } from '../errors.ts'

/** @throws {CheckpointError} naming the first tensor that holds NaN or Infinity, its element and value. */
export function requireFinite(where: string, tensors: ReadonlyMap<string, Tensor>): void {
  for (const [name, tensor] of tensors) {
    if (!dataTypes[tensor.dtype].float) continue
    const data = toFloat32(tensor)
    const at = data.findIndex((value) => !Number.isFinite(value))
    if (at >= 0)
      throw new CheckpointError({
        where: `${where}, tensor "${name}"`,
        what: `element ${at} is not a finite number`,
        found: String(data[at]),
        fix:
          'The run that wrote it had diverged: go back to an earlier checkpoint, and lower the learning rate or clip ' +
          'the gradients.',
      })
  }
}
