// The error of a run whose device was lost and does not come back: it names the checkpoint from which another run goes
// on. Loaded when it is needed.

import { type FileStore, placeOf } from '@cola/data'
import { DeviceError, DeviceLostError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import { checkpointFile } from './checkpoint.ts'
import { loadCheckpoint } from './load-checkpoint.ts'

/**
 * The error of a run that ends with its device.
 * @param cause Why the run does not go on: the loss itself, or what opening the device again threw.
 * @param step The step after which the device was lost.
 */
export function notRecovered(lost: DeviceLostError, cause: unknown, step: number, store?: FileStore): unknown {
  if (!(cause instanceof DeviceError)) return cause
  if (!store?.has(checkpointFile))
    return new DeviceLostError(
      { ...lost.problem, fix: 'Train again, with output_dir and save_steps: a run then continues by itself.' },
      { cause },
    )
  const saved = loadCheckpoint(store).state.step
  const how = hasFiles() ? 'in a new process or on device "cpu"' : 'after the page is reloaded, or on device "wasm"'
  return new DeviceLostError(
    {
      where: lost.problem.where,
      what: `it was lost at step ${step} and does not come back`,
      found: cause.problem.found ?? cause.problem.what,
      fix: `The checkpoint of step ${saved} is ${placeOf(store, checkpointFile)}. Train again with resume: true, ${how}.`,
    },
    { cause },
  )
}
