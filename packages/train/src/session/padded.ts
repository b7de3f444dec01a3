// Batches for exported models: rows padded to the longest, as the models' own inputs want them.

import { type Graph, getValue } from '@cola/graph'
import type { Batch } from './feeds.ts'

/**
 * Makes batches of sentences of token ids for a graph's inputs: `input_ids`, `attention_mask`, `token_type_ids`, `position_ids` and what a head reads,
 * padded on the right with `pad_token_id`.
 */
export function paddedBatches(graph: Graph, { pad_token_id = 0 }: { pad_token_id?: number } = {}): (sentences: readonly (readonly number[])[]) => Batch {
  const wanted = graph.inputs
  return (sentences) => {
    const columns = Math.max(1, ...sentences.map(({ length }) => length))
    const grid = (value: (sentence: readonly number[], at: number) => number): number[] =>
      sentences.flatMap((sentence) => Array.from({ length: columns }, (_, at) => value(sentence, at)))
    const real = (sentence: readonly number[], at: number) => at < sentence.length
    const values: Record<string, () => number[]> = {
      input_ids: () => grid((sentence, at) => sentence[at] ?? pad_token_id),
      attention_mask: () => grid((sentence, at) => (real(sentence, at) ? 1 : 0)),
      token_type_ids: () => grid(() => 0),
      position_ids: () => grid((_, at) => at),
      token_weights: () => grid((sentence, at) => (real(sentence, at) ? 1 / sentence.length : 0)),
      last_token: () => sentences.map(({ length }, row) => row * columns + length - 1),
    }
    return Object.fromEntries(
      wanted.flatMap((name) => {
        const list = values[name]?.()
        return list ? [[name, typed(graph, name, list, name === 'last_token' ? [sentences.length] : [sentences.length, columns])]] : []
      }),
    )
  }
}

function typed(graph: Graph, name: string, values: readonly number[], dims: readonly number[]): Batch[string] {
  const { dtype } = getValue(graph, name)
  if (dtype === 'int64') return { data: BigInt64Array.from(values, BigInt), dims }
  return { data: dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values), dims }
}
