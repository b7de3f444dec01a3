// Rotary positions that config.json scales. rotary.json has the frequencies of transformers (make-rotary.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInitializer, addInput, build, createGraph, float32, type Graph } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { checkConfig, ConfigError } from '../../src/index.ts'

interface Case {
  config: Record<string, unknown> & { rope_scaling: Record<string, unknown> | null }
  inv_freq: number[]
}

const cases = Object.entries(
  JSON.parse(readFileSync(join(import.meta.dirname, 'rotary.json'), 'utf8')) as Record<string, Case>,
)

/** The angles of positions, as PyTorch's exporters write them. */
function angles(inv_freq: readonly number[]): Graph {
  const graph = createGraph('angles')
  const g = build(graph)
  const frequencies = addInitializer(graph, 'inv_freq', float32([1, inv_freq.length, 1], Float32Array.from(inv_freq)))
  const product = g.MatMul(frequencies, addInput(graph, 'positions', 'float32', ['batch', 1, 'sequence']))
  graph.outputs = [g.Cos(g.Transpose(product, { perm: [0, 2, 1] })).name]
  return graph
}

const lowest = ({ inv_freq }: Case): number => inv_freq.at(-1) as number

describe.each(cases)('the configuration of %s', (name, one) => {
  it.each(cases)('and the frequencies of %s', (other, { inv_freq }) => {
    const check = () => checkConfig(angles(inv_freq), one.config, 'model.onnx')
    // Older exports divide the positions.
    const dividesPositions = name.startsWith('linear') && other === name.replace('linear', 'default')
    const agrees = Math.abs((inv_freq.at(-1) as number) / lowest(one) - 1) < 0.01
    if (agrees || dividesPositions) return expect(check).not.toThrow()
    expect(check).toThrow(ConfigError)
    expect(check).toThrow(
      /its (base|lowest frequency) of rotary positions is not that of config.json \(rope_theta\), expected \d/,
    )
  })

  it('that does not say enough', () => {
    const { rope_scaling, ...rest } = one.config
    const others = [
      { ...rest, rope_theta: undefined },
      { ...rest, rope_scaling: { ...rope_scaling, rope_type: 'dynamic', factor: 2 } },
      { ...rest, rope_scaling: { ...rope_scaling, rope_type: 'new', factor: 2 } },
      { ...rest, rope_scaling: { rope_type: 'llama3', factor: 2 } },
      // The lowest frequency turns too often in the first context to be known.
      { ...rest, rope_scaling: { rope_type: 'yarn', factor: 2, original_max_position_embeddings: 2 ** 30 } },
    ]
    for (const config of others) for (const [, { inv_freq }] of cases) checkConfig(angles(inv_freq), config, 'x')
  })
})
