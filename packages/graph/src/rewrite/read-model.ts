// Reads an ONNX model: decodes the file and infers the type of every value.

import { requireKind } from '../door.ts'
import { type Checks, checkOptions, flag, optionsIn } from '../options.ts'
import { cloneGraph, type Graph } from '../ir/graph.ts'
import { decodeGraph, readChecks, type ReadOptions } from '../onnx/read.ts'
import { addNamed } from '../ops/add-node.ts'
import { build } from '../ops/build.ts'
import { withoutCasts } from './without-casts.ts'
import { decompose } from './decompose.ts'
import { keepAttention } from './fused-attention.ts'
import { float32Types } from './widen.ts'
import { withoutQuantization } from './without-quantization.ts'

/** Options of {@link inferModel}. */
export interface InferOptions {
  /**
   * Read a float16, bfloat16 or float64 model as float32, in which training runs; weights are converted on demand.
   * @default false
   */
  widen?: boolean
  /** Keep GroupQueryAttention, with three inputs and its cache, for generation. @default false */
  keepAttention?: boolean
}

/** Options of {@link readModel}. */
export interface ReadModelOptions extends ReadOptions, InferOptions {}

const inferChecks: Checks<InferOptions> = { widen: flag, keepAttention: flag }

/**
 * Reads an ONNX model (opset 11 or later): fused and quantized operators become those that have gradient rules, and
 * the dtype and symbolic shape of every value is inferred.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError} naming file, node and value.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export const readModel = (bytes: Uint8Array, options: ReadModelOptions = {}): Graph => {
  checkOptions('readModel', options, { ...readChecks, ...inferChecks })
  requireKind('readModel, bytes', bytes, 'bytes')
  return inferModel(decodeGraph(bytes, optionsIn(readChecks, options)), optionsIn(inferChecks, options))
}

/**
 * Does for a decoded graph (see `decodeGraph`) what {@link readModel} does for a file.
 * @throws {GraphError | ShapeError | UnsupportedOperatorError} naming node and value.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function inferModel(decoded: Graph, options: InferOptions = {}): Graph {
  checkOptions('inferModel', options, inferChecks)
  requireKind('inferModel, decoded', decoded, 'graph')
  const { widen = false, keepAttention: keeps = false } = options
  const plain = withoutQuantization(decoded)
  const wide = widen ? float32Types(plain) : plain
  const graph = cloneGraph(wide)
  const { nodes } = graph
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    if (keeps && keepAttention(g, node)) continue
    if (decompose(g, node)) continue
    addNamed(graph, node)
  }
  return wide === plain ? graph : withoutCasts(graph)
}
