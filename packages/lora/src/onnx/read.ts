// Reads an ONNX file as a model that can be trained.

import { type Files, placeOf } from '@cola/data'
import { foldLinear, type Model, readModel, simplify } from '@cola/graph'
import { externalDataOf } from '@cola/train'
import { canonicalize } from './names.ts'

/**
 * Reads an ONNX file in the form in which it is trained: float32, fused operators decomposed, a decoder without its
 * cache, parameters under transformers' names. None is trainable yet. Weights stay where they are until a session reads
 * them.
 * @param name The ONNX file among the files.
 * @param config config.json: `model_type` decides how parameters are named.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError | FileError} naming file, node and value.
 */
export function readOnnxModel(files: Files, name: string, { model_type }: { model_type: string }): Model {
  const where = placeOf(files, name)
  const options = { where, externalData: externalDataOf(files, name), widen: true, cache: 'drop' } as const
  const graph = foldLinear(simplify(readModel(files.read(name), options)))
  canonicalize(graph, model_type)
  return { graph, trainable: new Set() }
}
