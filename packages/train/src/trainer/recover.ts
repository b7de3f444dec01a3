// Opens the device of a run again after its loss, or says why the run ends. Loaded when it is needed.

import { type FileStore, placeOf } from '@cola/data'
import { DeviceError, DeviceLostError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import { checkpointFile } from './checkpoint.ts'
import { readCheckpoint } from './read-checkpoint.ts'

/** How often a run goes on from the same checkpoint: a device that is lost at each step is not worth more. */
const mostTries = 3

/** A run whose device was lost. */
export interface LostRun {
  readonly error: DeviceLostError
  /** The step after which the device was lost. */
  readonly step: number
  /** The steps of the checkpoints from which the run went on after losses before. */
  readonly resumed: readonly number[]
  readonly store: FileStore | undefined
  readonly session: { reopen(): Promise<void> }
}

/**
 * Opens the device again, so that the run goes on from its checkpoint.
 * @throws {DeviceLostError} where nothing is saved, when the device does not come back, or when it did and was lost again
 * before the next step, or too often before the next checkpoint.
 */
export async function recover(run: LostRun): Promise<void> {
  const { error, step, resumed, store, session } = run
  if (!store?.has(checkpointFile)) throw unsaved(error, store)
  const last = resumed.at(-1)
  const tries = resumed.filter((one) => one === last).length
  const isStuck = tries >= mostTries && savedStep(store) === last
  if (step === last || isStuck) throw ended(run, store, `it came back and was lost again at step ${step}`, error)
  try {
    await session.reopen()
  } catch (cause) {
    if (!(cause instanceof DeviceError)) throw cause
    throw ended(run, store, `it was lost at step ${step} and does not come back`, cause)
  }
}

/** The warning of a run that goes on from the step of its checkpoint. */
export const goesOn = (step: number, saved: number): string =>
  `The device was lost at step ${step}; the run continues from the checkpoint of step ${saved}.`

/** The error of a run that has no checkpoint. */
function unsaved(cause: DeviceLostError, store: FileStore | undefined): DeviceLostError {
  const fix = store
    ? 'Nothing was saved yet. Train again; save_steps says how soon a checkpoint is written.'
    : 'Train again, with output_dir and save_steps: a run then continues by itself.'
  return new DeviceLostError({ ...cause.problem, fix }, { cause })
}

/** The error of a run that ends with its device: it names the checkpoint from which another run goes on. */
function ended({ error }: LostRun, store: FileStore, what: string, cause: DeviceError): DeviceLostError {
  const { where } = error.problem
  const found = cause.problem.found ?? cause.problem.what
  return new DeviceLostError({ where, what, found, fix: wayOn(store) }, { cause })
}

/** How another run goes on. */
function wayOn(store: FileStore): string {
  const saved = savedStep(store)
  if (saved instanceof Error) return `Its checkpoint cannot be read: ${saved.message}`
  const how = hasFiles() ? 'in a new process or on device "cpu"' : 'after the page is reloaded, or on device "wasm"'
  return `The checkpoint of step ${saved} is ${placeOf(store, checkpointFile)}. Train again with resume: true, ${how}.`
}

/** The step of the checkpoint, or why it cannot be read. */
function savedStep(store: FileStore): number | Error {
  try {
    return readCheckpoint(store).state.step
  } catch (error) {
    return error as Error
  }
}
