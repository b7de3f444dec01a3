// Opens the sessions of the runtime for training artifacts, from files that they share, and releases them.

import { memorySink } from '@cola/data'
import { checkTypes, type Graph, lower } from '@cola/graph'
import { gradientOutput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { hasFiles } from '../files/node.ts'
import { removeTemporaryFolder, temporaryFolder } from '../files/temporary-folder.ts'
import { deviceRow, graphFor, type ResolvedDevice } from '../runtime/devices.ts'
import { writeRunnable } from '../runtime/model-files.ts'
import { openSession, type RunnableModel } from '../runtime/open-session.ts'
import type { OrtSession } from '../runtime/ort.ts'
import { reportRuntimeWarnings } from '../runtime/start-wasm.ts'
import { withPacked } from '../runtime/with-packed.ts'
import type { Download } from './download.ts'
import { openOptimizer, type OptimizerStep } from './optimizer-step.ts'
import { blockTensors } from './state-tensors.ts'

/** The sessions of training artifacts on a device. */
export interface Sessions {
  readonly training: OrtSession
  readonly evaluation: OrtSession
  readonly optimizer: OptimizerStep
  /** Copies tensors to the host, where they stay on the device. */
  readonly download: Download | undefined
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
  const graphs = {
    training_model: artifacts.trainingModel,
    eval_model: artifacts.evalModel,
    optimizer_model: artifacts.optimizerModel,
  }
  const temporary = hasFiles() && folder === undefined ? temporaryFolder() : undefined
  const cleanUp = () => {
    if (temporary) removeTemporaryFolder(temporary)
  }
  const modelFolder = folder ?? temporary
  try {
    const runnable = await graphsFor(device, graphs)
    const files = modelFolder === undefined ? inMemory(runnable) : inFolder(modelFolder, runnable)
    const open = (name: keyof typeof graphs, options: Partial<RunnableModel> = {}) =>
      openSession({ graph: graphs[name], ...files[name], ...options }, device)
    const training = await open('training_model', {
      resident: artifacts.blocks.map(({ name }) => gradientOutput(name)),
      packWeights: !artifacts.gradientCheckpointing,
    })
    const evaluation = await open('eval_model')
    const optimizer = await openOptimizer(artifacts, device, () =>
      open('optimizer_model', { resident: artifacts.optimizerModel.outputs, spin: false }),
    )
    const download = deviceRow(device).resident
      ? await (await import('./download.ts')).openDownload(blockTensors(artifacts), device)
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

/** Where each model's file is. */
type ModelFiles = Readonly<Record<string, Pick<RunnableModel, 'path' | 'encoded'>>>

const inFolder = (folder: string, graphs: Readonly<Record<string, Graph>>): ModelFiles =>
  Object.fromEntries(Object.entries(writeRunnable(folder, graphs)).map(([name, path]) => [name, { path }]))

/** The models as bytes: their weights are encoded once. */
function inMemory(graphs: Readonly<Record<string, Graph>>): ModelFiles {
  const sink = memorySink('models')
  const files = writeRunnable(sink, graphs)
  const isModel = new Set(Object.values(files))
  const externalData = [...sink.written].flatMap(([path, data]) => (isModel.has(path) ? [] : [{ path, data }]))
  return Object.fromEntries(
    Object.entries(files).map(([name, file]) => [
      name,
      { encoded: { model: sink.written.get(file) as Uint8Array, externalData } },
    ]),
  )
}

/** Graphs as they run on a device: what a file has that {@link openSession} opens. */
async function graphsFor(
  device: ResolvedDevice,
  graphs: Readonly<Record<string, Graph>>,
): Promise<Record<string, Graph>> {
  const runnable: Record<string, Graph> = {}
  for (const [name, graph] of Object.entries(graphs)) {
    checkTypes(graph)
    runnable[name] = await withPacked(lower(await graphFor(device, graph)))
  }
  return runnable
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
