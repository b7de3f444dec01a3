// Opens the sessions of the runtime for training artifacts, from files that they share, and releases them.

import { checkTypes, type Graph, lower, writeModel } from '@cola/graph'
import { gradientOutput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { hasFiles } from '../files/node.ts'
import { deviceRow, graphFor, type ResolvedDevice } from '../runtime/devices.ts'
import { sharedWeights } from '../runtime/model-files.ts'
import { openSession, type RunnableModel } from '../runtime/open-session.ts'
import type { OrtSession } from '../runtime/ort.ts'
import { reportRuntimeWarnings } from '../runtime/start-wasm.ts'
import { weightsInMemory } from '../runtime/weights-in-memory.ts'
import { withPacked } from '../runtime/with-packed.ts'
import type { Download } from './download.ts'
import { openOptimizer, type OptimizerStep } from './optimizer-step.ts'
import { blockTensors } from './state-tensors.ts'

/** The sessions of training artifacts on a device. */
export interface Sessions {
  training: OrtSession
  evaluation: OrtSession
  optimizer: OptimizerStep
  /** Copies tensors to the host, where they stay on the device. */
  download: Download | undefined
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
  const opened: Partial<Sessions> = {}
  const release = async () => {
    for (const session of [opened.training, opened.evaluation, opened.optimizer, opened.download])
      await session?.release()
    files?.cleanUp()
  }
  try {
    await openInto(opened, artifacts, device, files?.write ?? inMemory)
    files?.cleanUpEarly()
  } catch (error) {
    await release().catch(() => undefined)
    throw error
  }
  reportRuntimeWarnings(onWarning)
  return Object.assign(opened, { release }) as Sessions
}

/** Writes graphs that run as they are: where each one's file is. */
type Write = (
  graphs: Readonly<Record<string, Graph>>,
) => Readonly<Record<string, Pick<RunnableModel, 'path' | 'encoded'>>>

/** Opens the sessions one after another. The bytes of their files stay no longer than that. */
async function openInto(
  opened: Partial<Sessions>,
  artifacts: TrainingArtifacts,
  device: ResolvedDevice,
  write: Write,
): Promise<void> {
  const { trainingModel, evalModel, optimizerModel, blocks, gradientCheckpointing } = artifacts
  const graphs = { training_model: trainingModel, eval_model: evalModel, optimizer_model: optimizerModel }
  const files = write(await graphsFor(device, graphs))
  const open = (name: keyof typeof graphs, options: Partial<RunnableModel> = {}) =>
    openSession({ graph: graphs[name], ...files[name], ...options }, device)
  opened.training = await open('training_model', {
    resident: blocks.map(({ name }) => gradientOutput(name)),
    packWeights: !gradientCheckpointing,
  })
  opened.evaluation = await open('eval_model')
  opened.optimizer = await openOptimizer(artifacts, device, () =>
    open('optimizer_model', { resident: optimizerModel.outputs, spin: false }),
  )
  if (deviceRow(device).resident)
    opened.download = await (await import('./download.ts')).openDownload(blockTensors(artifacts), device)
}

/** The models as bytes: their weights are those of the tensors, which are read once. */
function inMemory(graphs: Readonly<Record<string, Graph>>): ReturnType<Write> {
  const { layout, files } = weightsInMemory(sharedWeights(Object.values(graphs)), { threshold: 1024 })
  return Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => [
      name,
      { encoded: { model: writeModel(graph, layout), externalData: files } },
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
