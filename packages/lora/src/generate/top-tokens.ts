// The greatest logits of each text, found by the runtime: few numbers are copied out of it where a vocabulary has many.

import { addInput, build, cloneGraph, type Graph, getValue, type Value } from '@cola/graph'
import { OrtTensor, type OrtTensors } from '@cola/train'
import { type RankedScores, ranked, type SampleOptions } from './sample.ts'

/** Tokens that are ranked in the graph: a sampled token is nearly always one of them. */
const most = 64

/** Names in the graph. */
export interface TopTokens {
  /** Outputs [batch, ranks]. */
  readonly scores: string
  readonly ids: string
  readonly ranks: number
  /** Input, a scalar, and the output [batch, 1] that depends on it: the `mass` of {@link RankedScores}. */
  readonly temperature: string
  readonly mass: string
  /** Output [batch, vocab_size]. */
  readonly logits: string
}

/** The graph with the greatest logits as outputs. @param logits Its output [batch, vocab_size]. */
export function withTopTokens(original: Graph, logits: string): { graph: Graph; top: TopTokens } {
  const graph = cloneGraph(original)
  const g = build(graph)
  const all = getValue(graph, logits)
  const ranks = Math.min(most, all.shape[1] as number)
  const temperature = addInput(graph, 'temperature', 'float32', [])
  const [scores, ids] = g.node('TopK', [all, g.int64([ranks])], { outputCount: 2 }) as [Value, Value]
  // Among the ranked scores, not among all.
  const greatest = g.ReduceMax(scores, g.int64([1]))
  const mass = g.ReduceSum(g.Exp(g.Div(g.Sub(all, greatest), temperature)), g.int64([1]))
  const names = { scores: scores.name, ids: ids.name, temperature: temperature.name, mass: mass.name }
  graph.outputs.push(names.scores, names.ids, names.mass)
  return { graph, top: { ...names, ranks, logits } }
}

/** The outputs that are needed to choose tokens. */
export function outputsFor(
  { scores, ids, mass, logits, ranks }: TopTokens,
  { do_sample = false, top_k = 0, repetition_penalty = 1 }: SampleOptions,
): readonly string[] {
  if (repetition_penalty !== 1) return [logits]
  if (!do_sample) return [scores, ids]
  return top_k > 0 && top_k <= ranks ? [scores, ids] : [scores, ids, mass, logits]
}

/** The tensor of the input. */
export const temperatureOf = ({ temperature = 1 }: SampleOptions): OrtTensor =>
  new OrtTensor('float32', Float32Array.of(temperature), [])

/** Logits of a text of the batch, by rank where that suffices. */
export function scoresOf(
  top: TopTokens,
  results: OrtTensors,
  row: number,
  { temperature = 1 }: SampleOptions,
): Float32Array | RankedScores {
  const partOf = <Numbers extends Float32Array | BigInt64Array>(name: string): Numbers | undefined => {
    const { data, dims } = results[name] ?? {}
    const size = dims?.at(-1) ?? 0
    return (data as Numbers | undefined)?.subarray(row * size, (row + 1) * size) as Numbers | undefined
  }
  const [scores, mass, logits] = [top.scores, top.mass, top.logits].map((name) => partOf<Float32Array>(name))
  const ids = partOf<BigInt64Array>(top.ids)
  if (!scores || !ids) return logits as Float32Array
  let others: RankedScores | undefined
  const rest = (): RankedScores => {
    others ??= ranked(logits ?? scores, temperature)
    return others
  }
  return {
    count: logits?.length ?? scores.length,
    id: (rank) => (rank < ids.length ? Number(ids[rank]) : rest().id(rank)),
    score: (rank) => scores[rank] ?? rest().score(rank),
    mass: () => mass?.[0] ?? rest().mass(temperature),
  }
}
