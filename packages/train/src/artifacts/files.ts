// The four artifacts as files, under ONNX Runtime's names, sharing one file of frozen weights; and back.

import { FormatError, type Graph, readModel, safetensorsChunks } from '@cola/graph'
import { requireFinite } from '../files/finite.ts'
import { paths, readFile, readSafetensorsFile, writeFileAtomic } from '../files/node.ts'
import { externalDataOf, writeModels } from '../runtime/model-files.ts'
import type { TrainingArtifacts } from './generate.ts'

const models = { training_model: 'trainingModel', eval_model: 'evalModel', optimizer_model: 'optimizerModel' } as const

/**
 * Writes training_model.onnx, eval_model.onnx, optimizer_model.onnx, the frozen weights they share, and `checkpoint`:
 * a safetensors file (readable from Python) of the trainables' first values, with what else the artifacts hold as JSON
 * in its metadata.
 * @throws {FileError} when the folder cannot be written.
 */
export function saveArtifacts(folder: string, artifacts: TrainingArtifacts): void {
  const { trainingModel, evalModel, optimizerModel, parameters, ...description } = artifacts
  writeModels(folder, { training_model: trainingModel, eval_model: evalModel, optimizer_model: optimizerModel })
  writeFileAtomic(
    paths().join(folder, 'checkpoint'),
    safetensorsChunks(parameters, { format: 'pt', artifacts: JSON.stringify(description) }),
  )
}

/**
 * Reads what {@link saveArtifacts} wrote; frozen weights stay on disk until a session asks for them.
 * @throws {FileError | FormatError} naming the file, {CheckpointError} naming a tensor that holds NaN or Infinity.
 */
export function loadArtifacts(folder: string): TrainingArtifacts {
  const { join } = paths()
  const path = join(folder, 'checkpoint')
  const { tensors: parameters, metadata } = readSafetensorsFile(path)
  if (metadata.artifacts === undefined)
    throw new FormatError({
      where: path,
      what: 'not the checkpoint of training artifacts',
      expected: '"artifacts" in its metadata',
    })
  requireFinite(path, parameters)
  const graphs = Object.entries(models).map(([file, key]) => [key, readGraph(folder, `${file}.onnx`)] as const)
  return {
    ...(Object.fromEntries(graphs) as Record<(typeof models)[keyof typeof models], Graph>),
    parameters,
    ...(JSON.parse(metadata.artifacts) as Omit<TrainingArtifacts, 'parameters'>),
  }
}

function readGraph(folder: string, file: string): Graph {
  const { join } = paths()
  return readModel(readFile(join(folder, file)), { where: join(folder, file), externalData: externalDataOf(folder) })
}
