// The tokens that the runtime ranks, and those that are ranked here, against a sort of the whole vocabulary.

import { random, type Random } from '@cola/data'
import { addInput, build, createGraph } from '@cola/graph'
import { openSession, OrtTensor, type OrtTensors } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { ranked, type RankedScores, type SampleOptions } from '../../src/generate/sample.ts'
import { outputsFor, scoresOf, temperatureOf, withTopTokens } from '../../src/generate/top-tokens.ts'
import { nextToken } from '../../src/index.ts'

const [rows, size] = [3, 500]

/** Scores with ties; those of the first row have no mass to speak of outside of a few, those of the last are flat. */
const scores = Array.from({ length: rows }, (_, row) => {
  const stream = random(7, 'scores', row)
  return Float32Array.from({ length: size }, () => Math.round(stream.uniform() * 40 - 20) / (1 + 3 * row))
})

/** All ranks by a sort. */
function sorted(row: Float32Array): RankedScores {
  const ids = [...row.keys()].sort((a, b) => (row[b] as number) - (row[a] as number) || a - b)
  const score = (rank: number) => row[ids[rank] as number] as number
  const mass = (temperature: number) => row.reduce((sum, x) => sum + Math.exp((x - score(0)) / temperature), 0)
  return { count: row.length, id: (rank) => ids[rank] as number, score, mass }
}

/** Numbers in the middle of equal parts of [0, 1). */
const draws = Array.from({ length: 400 }, (_, i) => (i + 0.5) / 400)
const tokens = (logits: Float32Array | RankedScores, options: SampleOptions) =>
  draws.map((draw) => nextToken(logits, options, { uniform: () => draw } as Random))

const cases: SampleOptions[] = [
  {},
  { do_sample: true },
  { do_sample: true, temperature: 3 },
  { do_sample: true, temperature: 0.3 },
  { do_sample: true, top_k: 5 },
  { do_sample: true, top_k: 200, temperature: 4 },
  { do_sample: true, top_p: 0.95, temperature: 5 },
  { do_sample: true, min_p: 0.01, temperature: 2 },
]

describe('a sampled token', () => {
  it.each(cases)('is that of a sort: %o', async (options) => {
    const original = createGraph('logits')
    const logits = build(original).Identity(addInput(original, 'x', 'float32', ['batch', size]))
    original.outputs = [logits.name]
    const { graph, top } = withTopTokens(original, logits.name)
    const session = await openSession({ graph }, 'cpu')
    const flat = Float32Array.from(scores.flatMap((row) => [...row]))
    const feeds = { x: new OrtTensor('float32', flat, [rows, size]), [top.temperature]: temperatureOf(options) }
    const results = (await session.run(feeds, outputsFor(top, options))) as OrtTensors
    for (const [row, own] of scores.entries()) {
      const right = tokens(sorted(own), options)
      expect(tokens(own, options)).toEqual(right)
      expect(tokens(scoresOf(top, results, row, options), options)).toEqual(right)
    }
    await session.release()
  })

  it('has a rank that no other has', () => {
    for (const own of scores) {
      const [found, right] = [ranked(own, 0.1), sorted(own)]
      expect(own.map((_, rank) => found.id(rank))).toEqual(own.map((_, rank) => right.id(rank)))
    }
    expect(nextToken(Float32Array.of(Number.NaN, Number.NaN), { do_sample: true }, random(1))).toBeLessThan(2)
  })

  it('is not the least one where the runtime, which sums in float32, gives more than the sum of all', () => {
    const all = sorted(scores[0] as Float32Array)
    const above = { ...all, mass: () => all.mass(1) * (1 + 1e-6) }
    expect(nextToken(above, { do_sample: true }, { uniform: () => 1 - 1e-7 } as Random)).toBe(all.id(0))
  })
})
