// Reads an ONNX model: decodes the file and infers the type of every value.

import { cloneGraph, type Graph } from '../ir/graph.ts'
import { decodeGraph, type ReadOptions } from '../onnx/read.ts'
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
  /**
   * Replace fused and quantized operators by those that have gradient rules. Without it, a graph that these packages
   * wrote is read as it is. @default true
   */
  decompose?: boolean
  /** Keep GroupQueryAttention, with three inputs and its cache, for generation. @default false */
  keepAttention?: boolean
}

/** Options of {@link readModel}. */
export interface ReadModelOptions extends ReadOptions, InferOptions {}

/**
 * Reads an ONNX model (opset 11 or later) and infers the dtype and symbolic shape of every value.
 * @throws {FormatError | GraphError | ShapeError | UnsupportedOperatorError} naming file, node and value.
 */
export const readModel = (bytes: Uint8Array, options: ReadModelOptions = {}): Graph =>
  inferModel(decodeGraph(bytes, options), options)

/**
 * Infers the dtype and symbolic shape of every value of a decoded graph (see `decodeGraph`).
 * @throws {GraphError | ShapeError | UnsupportedOperatorError} naming node and value.
 */
export function inferModel(
  decoded: Graph,
  { widen = false, decompose: decomposes = true, keepAttention: keeps = false }: InferOptions = {},
): Graph {
  const plain = decomposes ? withoutQuantization(decoded) : decoded
  const wide = widen ? float32Types(plain) : plain
  const graph = cloneGraph(wide)
  const { nodes } = graph
  graph.nodes = []
  const g = build(graph)
  for (const node of nodes) {
    if (keeps && keepAttention(g, node)) continue
    if (decomposes && decompose(g, node)) continue
    addNamed(graph, node)
  }
  return wide === plain ? graph : withoutCasts(graph)
}
