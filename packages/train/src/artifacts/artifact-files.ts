// Saves and loads training artifacts, under ONNX Runtime's file names: three models that share a file of frozen
// weights, and a checkpoint.

import {
  type Files,
  type FileSink,
  openFiles,
  placeOf,
  type Source,
  sourceChecks,
  type SourceOptions,
  type WantedFile,
} from '@cola/data'
import { checkOptions } from '@cola/graph/options'
import { FormatError, type Graph, readGraph, safetensorsChunks } from '@cola/graph'
import { requireFinite } from '../files/require-finite.ts'
import { filesOf, readSafetensors, sinkOf } from '../files/files.ts'
import { externalDataOf, frozenWeights } from '../runtime/model-files.ts'
import { writeModels } from '../runtime/write-models.ts'
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
 * Reads the files of {@link saveArtifacts} from a folder, a repository on the hub, an address, picked files, a zip or
 * bytes; frozen weights are read on demand.
 * @throws {FileError | FormatError | DataError | HubError} naming the file, {CheckpointError} naming a tensor that holds
 * NaN or Infinity; {ConfigError} for an option that is unknown or out of its range.
 */
export async function loadArtifacts(source: Source, options: SourceOptions = {}): Promise<TrainingArtifacts> {
  checkOptions('loadArtifacts', options, sourceChecks)
  return readArtifacts(await openArtifacts(source, options))
}

/** Opens the files of artifacts, those that have to be fetched too. */
export async function openArtifacts(source: Source, options: SourceOptions = {}): Promise<Files> {
  const files = filesOf(await openFiles(source, { ...options, files: [] }))
  await files.fetch?.(artifactNames)
  return files
}

function readArtifacts(files: Files): TrainingArtifacts {
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
