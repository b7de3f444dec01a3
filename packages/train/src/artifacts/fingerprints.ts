// Fingerprints of models and of training artifacts: hashes of graphs and weights.

import { requireKind } from '@cola/graph/door'
import type { Graph, Tensor } from '@cola/graph'
import { sha256 } from '../files/node.ts'
import type { TrainingArtifacts } from './training-artifacts.ts'

/** Number of bytes that are hashed at either end of a large frozen tensor. */
const sampleSize = 2 ** 16

/** Lets JSON.stringify write bigints and maps. */
const toJson = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value instanceof Map ? [...value] : value

function* tensorChunks(tensors: ReadonlyMap<string, Tensor>, isFull: boolean): Generator<string | Uint8Array> {
  for (const [name, value] of tensors) {
    yield `${name} ${value.dtype} [${value.dims}]\n`
    if (value.packed) {
      const { codes, scales, zeroPoints } = value.packed
      yield* tensorChunks(new Map(Object.entries({ codes, scales, ...(zeroPoints ? { zeroPoints } : {}) })), isFull)
      continue
    }
    const bytes = value.bytes()
    if (isFull || bytes.length <= 2 * sampleSize) yield bytes
    else yield* [bytes.subarray(0, sampleSize), bytes.subarray(-sampleSize)]
  }
}

function* graphChunks(graph: Graph, isFull: boolean): Generator<string | Uint8Array> {
  const { nodes, inputs, outputs, initializers } = graph
  yield JSON.stringify([nodes, inputs, outputs], toJson)
  yield* tensorChunks(initializers, isFull)
}

/**
 * SHA-256 of a graph with all its weights, and of everything else that the model's results depend on.
 * @param others As JSON: the tokenizer's files, options.
 */
export function modelFingerprint(graph: Graph, others: unknown): string {
  requireKind('modelFingerprint, graph', graph, 'graph')
  function* chunks() {
    yield JSON.stringify(others, toJson)
    yield* graphChunks(graph, true)
  }
  return sha256(chunks())
}

/** SHA-256 of artifacts. Of large frozen weights, the first and last 64 KiB are hashed. */
export function artifactsFingerprint(artifacts: TrainingArtifacts): string {
  const { trainingModel, evalModel, optimizerModel, parameters } = artifacts
  function* chunks() {
    for (const graph of [trainingModel, evalModel, optimizerModel]) yield* graphChunks(graph, false)
    yield* tensorChunks(parameters, true)
  }
  return sha256(chunks())
}
