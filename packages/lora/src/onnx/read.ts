// Reads an ONNX file as a model that can be trained.

import { requireKind } from '@cola/graph/door'
import { type Files, placeOf } from '@cola/data'
import {
  cachesOf,
  decodeGraph,
  foldLinear,
  type Graph,
  inferModel,
  type Model,
  simplify,
  withoutCache,
} from '@cola/graph'
import { checkConfig, externalDataOf, rotaryPositions } from '@cola/train'
import { withAllLogits } from './all-logits.ts'
import { canonicalize } from './names.ts'
import { takeCastNames } from './stored-names.ts'
import { withTextShape } from './text-shape.ts'

/**
 * Reads an ONNX file in the form in which it is trained: float32, fused operators decomposed, a decoder without its
 * cache, parameters under transformers' names. None is trainable yet. Weights stay where they are until a session reads
 * them.
 * @param name The ONNX file among the files.
 * @param config config.json: `model_type` decides how parameters are named.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError | FileError} naming file, node and value.
 * @throws {ConfigError} for a file that contradicts its configuration.
 */
export function readOnnxModel(files: Files, name: string, config: Config): Model {
  requireKind('readOnnxModel, files', files, 'files')
  return trainable(readGraph(files, name, config), files, name, config)
}

/** What {@link readOnnxModel} gives, and the most tokens for which the file has positions. */
export function readWithPositions(files: Files, name: string, config: Config): { model: Model; positions: number } {
  const decoded = readGraph(files, name, config)
  return { model: trainable(decoded, files, name, config), positions: rotaryPositions(decoded) }
}

function trainable(decoded: Graph, files: Files, name: string, config: Config): Model {
  const graph = withTextShape(withoutCache(decoded))
  const model = named(inferModel(graph, { widen: true }), config)
  // Here it has the names that its exporter may have dropped.
  checkConfig(model.graph, config, placeOf(files, name))
  return model
}

/**
 * Reads a decoder's file in the form in which it generates: with its cache of keys and values and the runtime's
 * attention, float32, parameters under the names that {@link readOnnxModel} gives them.
 * @returns Undefined for a file without a cache.
 * @throws as {@link readOnnxModel} does.
 */
export function readCachedModel(files: Files, name: string, config: Config): CachedModel | undefined {
  requireKind('readCachedModel, files', files, 'files')
  const decoded = readGraph(files, name, config)
  if (cachesOf(decoded).length === 0) return undefined
  const float16 = [...decoded.initializers.values()].some(({ dtype }) => dtype === 'float16')
  return { ...named(inferModel(decoded, { widen: true, keepAttention: true }), config), float16 }
}

/** A decoder with its cache. */
export interface CachedModel extends Model {
  /** Whether the file has weights in float16; here they are float32. */
  readonly float16: boolean
}

type Config = Readonly<Record<string, unknown>> & { model_type: string }

function readGraph(files: Files, name: string, config: Config): Graph {
  const where = placeOf(files, name)
  const decoded = decodeGraph(files.read(name), { where, externalData: externalDataOf(files, name) })
  takeCastNames(decoded)
  checkConfig(decoded, config, where)
  return withAllLogits(decoded)
}

/** The model with linear layers as single operators, and with transformers' names. */
function named(inferred: Graph, { model_type }: Config): Model {
  const graph = foldLinear(simplify(inferred))
  canonicalize(graph, model_type)
  return { graph, trainable: new Set() }
}
