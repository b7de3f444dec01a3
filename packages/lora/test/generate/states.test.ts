// Decoders whose convolutions keep their last tokens (LFM2): texts generated with the cache in batches of any lengths,
// some of which end earlier, against whole texts computed without it.

import { build, cloneGraph, getValue, type Model } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { greedyWhole } from '../../../../tools/greedy-whole.ts'
import { createGenerator, openBase } from '../../src/index.ts'
import { decoderFiles } from '../support/decoder-files.ts'

const prompts = [[5, 9, 14, 3, 30], [7], [21, 4], [11, 12, 13, 14, 15, 16, 17, 18]]
const count = 9

/** The graph with states that are no Slice: each text has a cache of its own then. */
function withOtherStates(original: Model): Model {
  const graph = cloneGraph(original.graph)
  const g = build(graph)
  for (const name of graph.outputs.filter((output) => /^present.*conv/.test(output))) {
    const value = { ...getValue(graph, name), name: `${name}/slice` }
    const renamed = (output: string): string => (output === name ? value.name : output)
    graph.nodes = graph.nodes.map((node) => ({ ...node, outputs: node.outputs.map(renamed) }))
    graph.values.delete(name)
    graph.values.set(value.name, value)
    g.node('Neg', [g.Neg(value)], { outputs: [name] })
  }
  return { ...original, graph }
}

const cases = [
  ['decoder-lfm2', (model: Model) => model],
  ['decoder-lfm2-concat', (model: Model) => model],
  ['decoder-lfm2', withOtherStates],
] as const

describe.each(cases)('%s', (name, change) => {
  it('goes on with texts of a batch as with each alone', async () => {
    const base = await openBase(decoderFiles(name))
    const { graph } = base.languageModel()
    const expected: number[][] = []
    for (const prompt of prompts) expected.push(await greedyWhole(graph, prompt, count))
    const cached = base.cachedLanguageModel() as NonNullable<ReturnType<typeof base.cachedLanguageModel>>
    const generator = await createGenerator(change(cached), { config: base.config })
    const options = { max_new_tokens: count, eos_token_id: [] }
    for (const [i, prompt] of prompts.entries()) expect(await generator.generate(prompt, options)).toEqual(expected[i])
    expect(await generator.generate(prompts, options)).toEqual(expected)
    expect(await generator.generate(prompts.toReversed(), options)).toEqual(expected.toReversed())
    // Some texts end before the others, at different tokens.
    const eos_token_id = [expected[1]?.[2] as number, expected[2]?.[4] as number]
    const until = (tokens: readonly number[]) => {
      const at = tokens.findIndex((token) => eos_token_id.includes(token))
      return at < 0 ? tokens : tokens.slice(0, at)
    }
    const ended = await generator.generate(prompts, { ...options, eos_token_id })
    expect(ended.map(until)).toEqual(expected.map(until))
    expect(new Set(ended.map(({ length }) => length)).size).toBeGreaterThan(1)
    await generator.release()
  })
})
