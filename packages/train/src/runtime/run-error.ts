// The typed error for a run that the runtime breaks off. Loaded with the first one.

import { ColaError } from '@cola/graph/errors'
import { FeedError } from '../errors.ts'
import { brokenRuntime } from './broken-runtime.ts'
import { lossOf } from './device-loss.ts'
import type { ResolvedDevice } from './devices.ts'
import { isOutOfMemory } from './out-of-memory.ts'

/**
 * A {@link DeviceLostError} where the device was lost, a DeviceError where the runtime has broken down, else a
 * {@link FeedError}: the device and the model have computed before, so the batch is at fault.
 */
export function runError(device: ResolvedDevice, cause: unknown): unknown {
  const loss = lossOf(device, cause)
  if (loss !== cause || cause instanceof ColaError) return loss
  const broken = brokenRuntime(device, cause)
  if (broken) return broken
  const found = cause instanceof Error ? cause.message : String(cause)
  return new FeedError(
    {
      where: 'batch',
      what: `the runtime does not compute it on device "${device}"`,
      found,
      fix: isOutOfMemory(cause)
        ? 'The device has too little memory for it: make smaller batches, of shorter texts, or train with gradientCheckpointing.'
        : 'Are all its ids and positions within the tables of the model?',
    },
    { cause },
  )
}
