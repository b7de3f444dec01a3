// Checks that tensors of a checkpoint are finite: one NaN in an optimizer's state makes every later loss NaN, far from
// its cause.

import { dataTypes, type Tensor, toFloat32 } from '@cola/graph'
import { CheckpointError } from '../errors.ts'

/** The first value of the kind among some tensors. */
export function findValue(
  tensors: ReadonlyMap<string, Tensor>,
  isWanted: (value: number) => boolean,
): { name: string; element: number; value: number } | undefined {
  for (const [name, tensor] of tensors) {
    if (!dataTypes[tensor.dtype].float) continue
    const data = toFloat32(tensor)
    const element = data.findIndex(isWanted)
    if (element >= 0) return { name, element, value: data[element] as number }
  }
  return undefined
}

/** @throws {CheckpointError} naming the first tensor that holds NaN or Infinity, its element and value. */
export function requireFinite(where: string, tensors: ReadonlyMap<string, Tensor>): void {
  const bad = findValue(tensors, (value) => !Number.isFinite(value))
  if (bad)
    throw new CheckpointError({
      where: `${where}, tensor "${bad.name}"`,
      what: `element ${bad.element} is not a finite number`,
      found: String(bad.value),
      fix:
        'The run that wrote it had diverged: go back to an earlier checkpoint, and lower the learning rate or clip ' +
        'the gradients.',
    })
}
