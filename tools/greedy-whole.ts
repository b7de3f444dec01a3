// Greedy tokens without a cache: what generation with one is held against.

import type { Graph } from '@cola/graph'
import { type Device, feedsOf, openSession, type OrtTensor, resolveDevice } from '@cola/train'

/** The tokens that follow a text, which is computed whole for each. */
export async function greedyWhole(
  graph: Graph,
  prompt: readonly number[],
  count: number,
  device: Device = 'cpu',
): Promise<number[]> {
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  const ids = [...prompt]
  while (ids.length < prompt.length + count) {
    const row = (values: readonly number[]) => ({ data: BigInt64Array.from(values, BigInt), dims: [1, ids.length] })
    const batch = { input_ids: row(ids), attention_mask: row(ids.map(() => 1)), position_ids: row([...ids.keys()]) }
    const { data, dims } = (await session.run(feedsOf(graph, graph.inputs, batch).feeds)).logits as OrtTensor
    const last = (data as Float32Array).subarray(-(dims.at(-1) as number))
    ids.push(last.indexOf(Math.max(...last)))
  }
  await session.release()
  return ids.slice(prompt.length)
}
