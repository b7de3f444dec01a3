// Greedy generation as other programs write it, on a session of the runtime: tokens, a mask, and the cache that the run
// before gave. Runs in Node and in the browser.

import { elementCount } from '@cola/graph'
import { OrtTensor, type OrtTensors } from '@cola/train'

/** A decoder that is open. */
export interface OpenDecoder {
  readonly run: (feeds: OrtTensors) => Promise<OrtTensors>
  /** The inputs of the cache with their sizes before the first token. */
  readonly caches: readonly (readonly [name: string, dims: readonly number[]])[]
  /** What is fed beside tokens and cache. @default nothing */
  readonly others?: OrtTensors
}

const row = (values: readonly number[]) =>
  new OrtTensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
const presentOf = (results: OrtTensors, past: string): OrtTensor =>
  results[past.replace(/^past(_key_values)?/, 'present')] as OrtTensor

/** Tokens, and the logits from which each was taken. */
export async function greedyLoop(
  { run, caches, others = {} }: OpenDecoder,
  prompt: readonly number[],
  count: number,
): Promise<{ tokens: number[]; logits: Float32Array[] }> {
  let past: OrtTensors = Object.fromEntries(
    caches.map(([name, dims]) => [name, new OrtTensor('float32', new Float32Array(elementCount(dims)), dims)]),
  )
  const ids = [...prompt]
  const logits: Float32Array[] = []
  for (let added = prompt.length; ids.length < prompt.length + count; added = 1) {
    const grid = { input_ids: row(ids.slice(-added)), attention_mask: row(ids.map(() => 1)) }
    const results = await run({ ...past, ...others, ...grid })
    past = Object.fromEntries(caches.map(([name]) => [name, presentOf(results, name)]))
    const { data, dims } = results.logits as OrtTensor
    const last = (data as Float32Array).slice(-(dims[2] as number))
    logits.push(last)
    ids.push(last.indexOf(Math.max(...last)))
  }
  return { tokens: ids.slice(prompt.length), logits }
}
