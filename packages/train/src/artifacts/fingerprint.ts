// What tells artifacts from others: their graphs, the first values of their parameters, and samples of the frozen
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

function* graphChunks({ nodes, inputs, outputs, initializers }: Graph): Generator<string | Uint8Array> {
  yield JSON.stringify([nodes, inputs, outputs], plain)
  yield* tensorChunks(initializers, false)
}

/** SHA-256 of artifacts. Large frozen weights count by their first and last 64 KiB. */
export function artifactsFingerprint(artifacts: TrainingArtifacts): string {
  const { trainingModel, evalModel, optimizerModel, parameters } = artifacts
  function* chunks() {
    for (const graph of [trainingModel, evalModel, optimizerModel]) yield* graphChunks(graph)
    yield* tensorChunks(parameters, true)
  }
  return sha256(chunks())
}
