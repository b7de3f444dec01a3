// A trained student as a classifier for any ONNX Runtime.

import { checkOptions, type Checks, list, map, object, requireOptions } from '@cola/graph/options'
import type { Tensor } from '@cola/graph'
import { type ClassifierExport, modelFolderChecks, writeClassifier } from '@cola/train'
import type { DistilRnnConfig } from '../student/config.ts'
import type { EmbeddingTable } from '../student/embedding.ts'
import { distilRnnInference } from '../student/inference.ts'
import { wholeParameters } from './saved-student.ts'

/** What {@link exportStudent} writes. */
export interface StudentExport extends Omit<ClassifierExport, 'graph'> {
  config: DistilRnnConfig
  /** Whole ones, as `Student.parameters` gives them. */
  parameters: ReadonlyMap<string, Tensor>
  /** Rows of the embedding. @default that among `parameters` */
  embedding?: EmbeddingTable
}

const { graph: _, ...folderChecks } = modelFolderChecks
const checks: Checks<StudentExport> = { ...folderChecks, labels: list, parameters: map, embedding: object }

/**
 * Writes a classifier that any ONNX Runtime loads, and `loadClassifier` of @cola/train; sentences of any length.
 * @throws {FileError} when the folder cannot be written; {ConfigError} for an option that is unknown, missing or out of
 * its range; {WeightsError} naming the parameter that is missing or does not fit the configuration.
 */
export function exportStudent(options: StudentExport): void {
  checkOptions('exportStudent', options, checks)
  requireOptions('exportStudent', options, checks, ['folder', 'config', 'parameters'])
  const { parameters, embedding, ...rest } = options
  writeClassifier({ ...rest, graph: distilRnnInference(rest.config, wholeParameters(parameters, embedding)) })
}
