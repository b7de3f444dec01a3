// The models of training artifacts as sessions are opened from them: files that share their weights.

import { checkTypes, type Graph, lower, writeModel } from '@cola/graph'
import { gradientOutput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { hasFiles } from '../files/node.ts'
import { deviceRow, graphFor, type ResolvedDevice } from '../runtime/devices.ts'
import { openSession, type RunnableModel } from '../runtime/open-session.ts'
import type { OrtSession } from '../runtime/ort.ts'
import { sharedWeights, weightsInMemory } from '../runtime/weights-in-memory.ts'
import { withPacked } from '../runtime/with-packed.ts'

/** Writes graphs that run as they are: where each one's file is. */
type Write = (
  graphs: Readonly<Record<string, Graph>>,
) => Readonly<Record<string, Pick<RunnableModel, 'path' | 'encoded'>>>

/** What sessions are opened from. */
export interface Opening {
  artifacts: TrainingArtifacts
  device: ResolvedDevice
  /** @default to memory */
  write: Write | undefined
  onWarning: ((message: string) => void) | undefined
}

/**
 * Whether training and evaluation can take turns on a device: in Node both map one file, and tensors that stay on a
 * device may belong to its sessions.
 */
export const takesTurns = (device: ResolvedDevice): boolean => !hasFiles() && !deviceRow(device).resident

/** Bytes of frozen weights of which WebAssembly, which has 4 GB, holds one copy: neither two sessions' nor packed. */
export const large = 2 ** 30

type ModelName = 'training_model' | 'eval_model' | 'optimizer_model'

/** Models that are written. */
export interface Models {
  open: (name: ModelName) => Promise<OrtSession>
  /** Size of their weights where sessions can take turns; 0 elsewhere. */
  bytes: number
}

/** Writes models: their weights are read once. */
export async function modelsOf(
  { artifacts, device, write = inMemory }: Opening,
  names: readonly ModelName[],
): Promise<Models> {
  const { trainingModel, evalModel, optimizerModel, blocks, gradientCheckpointing } = artifacts
  const graphs = { training_model: trainingModel, eval_model: evalModel, optimizer_model: optimizerModel }
  const files = write(await graphsFor(device, Object.fromEntries(names.map((name) => [name, graphs[name]]))))
  const weights = (takesTurns(device) && files[names[0] as ModelName]?.encoded?.externalData) || []
  const bytes = weights.reduce((sum, { data }) => sum + data.length, 0)
  const options: Record<ModelName, Partial<RunnableModel>> = {
    training_model: {
      resident: blocks.map(({ name }) => gradientOutput(name)),
      packWeights: !gradientCheckpointing && bytes < large,
    },
    eval_model: {},
    optimizer_model: { resident: optimizerModel.outputs, spin: false },
  }
  return { open: (name) => openSession({ graph: graphs[name], ...files[name], ...options[name] }, device), bytes }
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
