// Opens the sessions of the runtime for training artifacts, and releases them.

import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { hasFiles } from '../files/node.ts'
import { deviceRow, type ResolvedDevice } from '../runtime/devices.ts'
import { reportRuntimeWarnings } from '../runtime/start-wasm.ts'
import type { Download } from './download.ts'
import type { Failure, OpenOne, Pair } from './one-at-a-time.ts'
import { openOptimizer, type OptimizerStep } from './optimizer-step.ts'
import { large, type Models, modelsOf, type Opening, takesTurns } from './session-models.ts'
import { blockTensors } from './state-tensors.ts'

/** The sessions of training artifacts on a device. */
export interface Sessions extends Pair {
  optimizer: OptimizerStep
  /** Copies tensors to the host, where they stay on the device. */
  download: Download | undefined
  /**
   * Releases the other session where a run of one has failed for lack of memory; from then on they take turns.
   * @returns Whether the run may be tried again.
   */
  makeRoom: (pair: Pair, failure: Failure) => Promise<boolean>
  /** Frees the sessions and the temporary files. */
  release: () => Promise<void>
}

/**
 * Opens a session for each artifact.
 * @param folder Folder for the ONNX files and the weights they share. @default a temporary one
 * @throws {DeviceError} when the device is not available, {FileError} when the folder cannot be written.
 */
export async function openSessions(
  artifacts: TrainingArtifacts,
  device: ResolvedDevice,
  { folder, onWarning }: { folder?: string | undefined; onWarning?: ((message: string) => void) | undefined } = {},
): Promise<Sessions> {
  const files = hasFiles() ? (await import('./session-folder.ts')).sessionFolder(folder) : undefined
  const opening: Opening = { artifacts, device, write: files?.write, onWarning }
  const opened: Partial<Sessions> = { makeRoom: roomMaker(opening) }
  const release = async () => {
    for (const session of [opened.training, opened.evaluation, opened.optimizer, opened.download])
      await session?.release()
    files?.cleanUp()
  }
  try {
    await openInto(opened, opening)
    files?.cleanUpEarly()
  } catch (error) {
    await release().catch(() => undefined)
    throw error
  }
  reportRuntimeWarnings(onWarning)
  return Object.assign(opened, { release }) as Sessions
}

/** Opens the sessions one after another. The bytes of their files stay no longer than that. */
async function openInto(opened: Partial<Sessions>, opening: Opening): Promise<void> {
  const { artifacts, device } = opening
  const models = await modelsOf(opening, ['training_model', 'eval_model', 'optimizer_model'])
  Object.assign(opened, await openPair(opening, models))
  opened.optimizer = await openOptimizer(artifacts, device, () => models.open('optimizer_model'))
  if (deviceRow(device).resident)
    opened.download = await (await import('./download.ts')).openDownload(blockTensors(artifacts), device)
}

/** Both sessions, or what opens one at a time: where the runtime's memory is too small for both, or nearly. */
async function openPair(opening: Opening, { open, bytes }: Models): Promise<Pair> {
  const { onWarning } = opening
  const again = opensAgain(opening)
  if (again && bytes >= large) return (await import('./one-at-a-time.ts')).largePair(bytes, again, onWarning)
  const training = await open('training_model')
  try {
    return { training, evaluation: await open('eval_model') }
  } catch (cause) {
    const pair = again && (await import('./one-at-a-time.ts')).withoutEvaluation(cause, training, again, onWarning)
    if (pair) return pair
    await training.release()
    throw cause
  }
}

/** Opens one session anew, where they can take turns. */
const opensAgain = (opening: Opening): OpenOne | undefined =>
  takesTurns(opening.device)
    ? async (name) => {
        const model = name === 'training' ? 'training_model' : 'eval_model'
        return (await modelsOf(opening, [model])).open(model)
      }
    : undefined

function roomMaker(opening: Opening): Sessions['makeRoom'] {
  const open = opensAgain(opening)
  return async (pair, failure) =>
    open !== undefined &&
    (await import('./one-at-a-time.ts')).makeRoom(pair, failure, { open, onWarning: opening.onWarning })
}
