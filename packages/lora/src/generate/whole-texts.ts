// Opens a decoder without a cache for generation: each run reads the whole texts.

import type { TokenSequence } from '@cola/data'
import { type Graph, packMatrices } from '@cola/graph'
import { type Device, feedsOf, openResolved, type OrtTensor } from '@cola/train'
import type { PlacedBatch } from '../load/base-model.ts'
import type { Decoder, DecoderOptions } from './decoder.ts'
import { integerTensor } from './integer-tensor.ts'
import { atLastTokens } from './last-tokens.ts'

/**
 * Opens a session.
 * @param batches Makes batches of whole texts for the graph.
 * @param others Names of inputs that `start` is given, those of an adapter.
 * @throws {DeviceError} when the device is not available.
 */
export async function openWholeTexts(
  original: Graph,
  batches: (rows: readonly TokenSequence[]) => PlacedBatch,
  device: Device,
  others: readonly string[],
  { accuracy_level = 0 }: DecoderOptions = {},
): Promise<Decoder> {
  const { graph: plain, lastToken, logits } = atLastTokens(original)
  const graph = packMatrices(plain, { accuracyLevel: accuracy_level })
  const { session } = await openResolved(device, () => ({ graph, packWeights: true }))
  const ofTexts = graph.inputs.filter((name) => name !== lastToken && !others.includes(name))
  const run = async (texts: readonly (readonly number[])[], feeds: Parameters<Decoder['start']>[0]) => {
    const { batch, starts } = batches(texts.map((input_ids) => ({ input_ids })))
    const last = texts.map(({ length }, row) => (starts[row] as number) + length - 1)
    const results = await session.run({
      ...feeds,
      ...feedsOf(graph, ofTexts, batch).feeds,
      [lastToken]: integerTensor(graph, lastToken, [last.length], (i) => last[i] as number),
    })
    return results[logits] as OrtTensor
  }
  return {
    start: (feeds) => ({
      joins: true,
      async logits(texts) {
        const { data, dims } = await run([...texts.values()], feeds)
        const size = dims.at(-1) as number
        const rowAt = (row: number) => (data as Float32Array).subarray(row * size, (row + 1) * size)
        return new Map([...texts.keys()].map((row, i) => [row, rowAt(i)]))
      },
    }),
    release: () => session.release(),
  }
}
