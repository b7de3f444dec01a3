// Opens the sessions of the runtime for training artifacts, from files that they share, and releases them.

import type { Graph } from '@cola/graph'
import { gradientOutput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { hasFiles } from '../files/node.ts'
import { removeTemporaryFolder, temporaryFolder } from '../files/temporary-folder.ts'
import { deviceRow, graphFor, type ResolvedDevice } from '../runtime/devices.ts'
import { writeModels } from '../runtime/model-files.ts'
import { openSession, type RunnableModel } from '../runtime/open-session.ts'
import type { OrtSession } from '../runtime/ort.ts'
import { reportRuntimeWarnings } from '../runtime/start-wasm.ts'
import { downloadGraph } from './download.ts'
import { blockTensors } from './state-tensors.ts'

/** The sessions of training artifacts on a device. */
export interface Sessions {
  readonly training: OrtSession
  readonly evaluation: OrtSession
  readonly optimizer: OrtSession
  /** Copies tensors to the host, where they stay on the device. */
  readonly download: OrtSession | undefined
  /** Frees the sessions and the temporary files. */
  readonly release: () => Promise<void>
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
  const [trainingModel, evalModel, optimizerModel] = [
    artifacts.trainingModel,
    artifacts.evalModel,
    artifacts.optimizerModel,
  ].map((graph) => graphFor(device, graph)) as [Graph, Graph, Graph]
  const graphs = { training_model: trainingModel, eval_model: evalModel, optimizer_model: optimizerModel }
  const temporary = hasFiles() && folder === undefined ? temporaryFolder() : undefined
  const cleanUp = () => {
    if (temporary) removeTemporaryFolder(temporary)
  }
  const modelFolder = folder ?? temporary
  try {
    const files: Partial<Record<keyof typeof graphs, string>> =
      modelFolder === undefined ? {} : writeModels(modelFolder, graphs)
    const open = (graph: Graph, path: string | undefined, options: Partial<RunnableModel> = {}) =>
      openSession({ graph, ...(path === undefined ? {} : { path }), ...options }, device)
    const training = await open(trainingModel, files.training_model, {
      resident: artifacts.blocks.map(({ name }) => gradientOutput(name)),
      packWeights: !artifacts.gradientCheckpointing,
    })
    const evaluation = await open(evalModel, files.eval_model)
    const optimizer = await open(optimizerModel, files.optimizer_model, {
      resident: optimizerModel.outputs,
      spin: false,
    })
    const download = deviceRow(device).resident
      ? await open(downloadGraph(blockTensors(artifacts)), undefined)
      : undefined
    reportRuntimeWarnings(onWarning)
    const cleanUpLater = cleanUpEarly(cleanUp)
    const release = async () => {
      for (const session of [training, evaluation, optimizer, download]) await session?.release()
      cleanUpLater()
    }
    return { training, evaluation, optimizer, download, release }
  } catch (error) {
    cleanUp()
    throw error
  }
}

/**
 * Removes the files of open sessions now, so that a process that is killed leaves none behind: the runtime has read or
 * mapped them. Windows refuses to remove a mapped file; then it is done at the release.
 */
function cleanUpEarly(cleanUp: () => void): () => void {
  try {
    cleanUp()
    return () => undefined
  } catch {
    return cleanUp
  }
}
