// Reads an ONNX file as a model that can be trained.

import { type Files, placeOf } from '@cola/data'
import { decodeGraph, foldLinear, inferModel, type Model, simplify, withoutCache } from '@cola/graph'
import { externalDataOf } from '@cola/train'
import { checkCache } from './check-cache.ts'
import { canonicalize } from './names.ts'

/**
 * Reads an ONNX file in the form in which it is trained: float32, fused operators decomposed, a decoder without its
 * cache, parameters under transformers' names. None is trainable yet. Weights stay where they are until a session reads
 * them.
 * @param name The ONNX file among the files.
 * @param config config.json: `model_type` decides how parameters are named.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError | FileError} naming file, node and value.
 * @throws {ConfigError} for a decoder with other heads than its configuration.
 */
export function readOnnxModel(
  files: Files,
  name: string,
  config: Readonly<Record<string, unknown>> & { model_type: string },
): Model {
  const where = placeOf(files, name)
  const decoded = decodeGraph(files.read(name), { where, externalData: externalDataOf(files, name) })
  checkCache(decoded, config, where)
  const graph = foldLinear(simplify(inferModel(withoutCache(decoded), { widen: true })))
  canonicalize(graph, config.model_type)
  return { graph, trainable: new Set() }
}
