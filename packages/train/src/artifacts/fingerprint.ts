// What tells models and artifacts from others: of artifacts, their graphs, the first values of their parameters, and samples of the frozen
// weights.

import type { Graph, Tensor } from '@cola/graph'
import { sha256 } from '../files/node.ts'
import type { TrainingArtifacts } from './generate.ts'

/** Bytes that are hashed at either end of a large tensor. */
const sample = 2 ** 16

const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value instanceof Map ? [...value] : value

function* tensorChunks(tensors: ReadonlyMap<string, Tensor>, whole: boolean): Generator<string | Uint8Array> {
  for (const [name, value] of tensors) {
    yield `${name} ${value.dtype} [${value.dims}]\n`
    const bytes = value.bytes()
    if (whole || bytes.length <= 2 * sample) yield bytes
    else yield* [bytes.subarray(0, sample), bytes.subarray(-sample)]
  }
}

function* graphChunks(graph: Graph, whole: boolean): Generator<string | Uint8Array> {
  const { nodes, inputs, outputs, initializers } = graph
  yield JSON.stringify([nodes, inputs, outputs], plain)
  yield* tensorChunks(initializers, whole)
}

/**
 * SHA-256 of a graph with all its weights, and of what else an answer of the model depends on.
 * @param others JSON: the tokenizer's files, options.
 */
export function modelFingerprint(graph: Graph, others: unknown): string {
  function* chunks() {
    yield JSON.stringify(others, plain)
    yield* graphChunks(graph, true)
  }
  return sha256(chunks())
}

/** SHA-256 of artifacts. Large frozen weights count by their first and last 64 KiB. */
export function artifactsFingerprint(artifacts: TrainingArtifacts): string {
  const { trainingModel, evalModel, optimizerModel, parameters } = artifacts
  function* chunks() {
    for (const graph of [trainingModel, evalModel, optimizerModel]) yield* graphChunks(graph, false)
    yield* tensorChunks(parameters, true)
  }
  return sha256(chunks())
}
