// A trained student as a classifier for any ONNX Runtime.

import type { Tensor } from '@cola/graph'
import { type ClassifierExport, writeClassifier } from '@cola/train'
import type { DistilRnnConfig } from '../student/config.ts'
import { distilRnnInference } from '../student/inference.ts'

/** What {@link exportStudent} writes. */
export interface StudentExport extends Omit<ClassifierExport, 'graph'> {
  config: DistilRnnConfig
  /** Whole ones, as `Student.parameters` gives them. */
  parameters: ReadonlyMap<string, Tensor>
}

/**
 * Writes a classifier that any ONNX Runtime loads, and `loadClassifier` of @cola/train; sentences of any length.
 * @throws {FileError} when the folder cannot be written.
 */
export function exportStudent({ parameters, ...rest }: StudentExport): void {
  writeClassifier({ ...rest, graph: distilRnnInference(rest.config, parameters) })
}
