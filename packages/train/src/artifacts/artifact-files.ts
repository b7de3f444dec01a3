// Saves and loads training artifacts, under ONNX Runtime's file names: three models that share a file of frozen
// weights, and a checkpoint.

import { type Files, type FileSink, placeOf, type WantedFile } from '@cola/data'
import { FormatError, type Graph, readGraph, safetensorsChunks } from '@cola/graph'
import { requireFinite } from '../files/require-finite.ts'
import { filesOf, readSafetensors, sinkOf } from '../files/files.ts'
import { externalDataOf, frozenWeights, writeModels } from '../runtime/model-files.ts'
import { parseDescription } from './check-description.ts'
import type { TrainingArtifacts } from './training-artifacts.ts'

const models = { training_model: 'trainingModel', eval_model: 'evalModel', optimizer_model: 'optimizerModel' } as const

/** The files of artifacts, for those that are fetched; some have no weights that are frozen. */
export const artifactNames: readonly WantedFile[] = [
  ...Object.keys(models).map((name) => ({ path: `${name}.onnx` })),
  { path: 'checkpoint' },
  { path: frozenWeights, optional: true },
]

/**
 * Writes training_model.onnx, eval_model.onnx, optimizer_model.onnx, the frozen weights they share, and `checkpoint`:
 * a safetensors file (readable from Python) with the initial values of the parameters, and the other fields of the
 * artifacts as JSON in its metadata.
 * @throws {FileError} when the folder cannot be written.
 */
export function saveArtifacts(folder: string | FileSink, artifacts: TrainingArtifacts): void {
  const sink = sinkOf(folder)
  const { trainingModel, evalModel, optimizerModel, parameters, ...description } = artifacts
  writeModels(folder, { training_model: trainingModel, eval_model: evalModel, optimizer_model: optimizerModel })
  sink.write('checkpoint', safetensorsChunks(parameters, { format: 'pt', artifacts: JSON.stringify(description) }))
}

/**
 * Reads the files of {@link saveArtifacts}; frozen weights are read on demand.
 * @throws {FileError | FormatError} naming the file, {CheckpointError} naming a tensor that holds NaN or Infinity.
 */
export function loadArtifacts(folder: string | Files): TrainingArtifacts {
  const files = filesOf(folder)
  const path = placeOf(files, 'checkpoint')
  const { tensors: parameters, metadata } = readSafetensors(files, 'checkpoint')
  if (metadata.artifacts === undefined)
    throw new FormatError({
      where: path,
      what: 'not the checkpoint of training artifacts',
      expected: '"artifacts" in its metadata',
    })
  const description = parseDescription(metadata.artifacts, parameters, path)
  requireFinite(path, parameters)
  const graphs = Object.entries(models).map(([file, key]) => [key, graphOf(files, `${file}.onnx`)] as const)
  return {
    ...(Object.fromEntries(graphs) as Record<(typeof models)[keyof typeof models], Graph>),
    parameters,
    ...description,
  }
}

const graphOf = (files: Files, name: string): Graph =>
  readGraph(files.read(name), { where: placeOf(files, name), externalData: externalDataOf(files) })
