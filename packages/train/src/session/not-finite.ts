// The typed error of a training step whose loss is not finite. Loaded when there is one.

import type { Graph } from '@cola/graph'
import { NonFiniteLossError } from '../errors.ts'
import { findValue } from '../files/require-finite.ts'

/** Frozen weights are searched only now: they may be gigabytes, and -Infinity in a mask is right. */
export function notFinite(loss: number, step: number, { initializers }: Graph): NonFiniteLossError {
  const bad = findValue(initializers, (value) => Number.isNaN(value) || value === Number.POSITIVE_INFINITY)
  return new NonFiniteLossError({
    where: `training step ${step}`,
    what: 'the loss is not a finite number',
    found: String(loss),
    fix: bad
      ? `The base model's "${bad.name}" holds ${bad.value} at element ${bad.element}: fetch or export it again.`
      : 'Lower the learning rate, clip the gradients, or look for bad values in the data.',
  })
}
