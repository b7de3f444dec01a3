// Several texts in a row of a batch, for decoders of ONNX files: what packSentences does for GPT-2's own graph.

import { packSentences, type TokenSequence } from '@cola/data'
import { type Graph, withSegments } from '@cola/graph'
import { type Batch, paddedBatches, type PaddingOptions } from '@cola/train'
import type { PlacedBatch } from './base-model.ts'
import { hasRelativePositions, isDecoder } from '../onnx/decoders.ts'

type Config = Readonly<Record<string, unknown>> & { model_type: string }

const firstNumber = (config: Config, names: readonly string[]): number | undefined =>
  names.map((name) => config[name]).find((value): value is number => typeof value === 'number')

/**
 * The graph of a decoder whose rows may hold several texts; undefined for one that is not known to give a text the
 * numbers that it has alone: of another type than `decoders` lists, with another attention than `withSegments` knows,
 * or with learned positions that are not an input.
 */
export function packedGraph(graph: Graph, config: Config): Graph | undefined {
  const { model_type } = config
  const layers = firstNumber(config, ['num_hidden_layers', 'n_layer', 'n_layers', 'num_layers'])
  const known = ['input_ids', 'attention_mask', 'position_ids']
  if (layers === undefined || !isDecoder(model_type) || !graph.inputs.includes('input_ids')) return undefined
  if (!graph.inputs.every((name) => known.includes(name))) return undefined
  if (!graph.inputs.includes('position_ids') && !hasRelativePositions(model_type)) return undefined
  return withSegments(graph, 'input_ids', layers)
}

/**
 * Makes batches for a graph of {@link packedGraph}. All tokens are marked as real: the segment of padding keeps it from
 * the others.
 * @param longest Greatest length of rows longer than their texts, whose positions may go on from text to text.
 */
export function packedBatches(
  graph: Graph,
  { longest, ...padding }: PaddingOptions & { longest: number },
): (rows: readonly TokenSequence[]) => PlacedBatch {
  const collate = paddedBatches(graph, padding)
  const { firstPosition = 0 } = padding
  return (rows) => {
    const texts = rows.map(({ input_ids }) => input_ids)
    const { input_ids, position_ids, segment_ids, last_token } = packSentences(texts, { max_columns: longest })
    const [count, width] = input_ids.dims as [number, number]
    const whole = Array.from({ length: count }, (_, row) => [
      ...input_ids.data.subarray(row * width, (row + 1) * width),
    ])
    const batch = { ...collate(whole), segment_ids }
    const positions = Array.from(position_ids.data, (position) => firstPosition + position)
    return {
      batch: graph.inputs.includes('position_ids') ? withValues(batch, 'position_ids', positions) : batch,
      grid: input_ids.dims,
      starts: texts.map(({ length }, i) => (last_token.data[i] as number) - length + 1),
    }
  }
}

/** The batch with other whole numbers in one of its arrays, which keeps its type. */
function withValues(batch: Batch, name: string, values: readonly number[]): Batch {
  const { data, dims } = batch[name] as Batch[string]
  const own = data instanceof BigInt64Array ? BigInt64Array.from(values, BigInt) : Int32Array.from(values)
  return { ...batch, [name]: { data: own, dims } }
}
