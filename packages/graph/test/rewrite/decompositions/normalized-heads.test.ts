// GroupQueryAttention with normalized heads (Qwen3), against the kernel of WebGPU: the CPU has none, up to 1.32.

import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  createGraph,
  type Graph,
  lower,
  type Node,
  prune,
  readModel,
  writeModel,
} from '../../../src/index.ts'
import { decompose } from '../../../src/rewrite/decompose.ts'
import { of, run } from '../../support/run.ts'
import { Draw } from './sweep.ts'

const swiftshader = process.env.VK_ICD_FILENAMES ?? ''

/** A prompt of several texts, with rotary positions and normalized queries and keys: what the kernel takes. */
function form(seed: number) {
  const draw = new Draw(seed)
  const [batch, sequence, groups, repeats, size] = [draw.int(1, 2), draw.int(1, 5), draw.int(1, 2), draw.int(1, 2), 16]
  const heads = groups * repeats
  const widths = [heads, groups, groups]
  const floats = (...dims: number[]) => of('float32', dims, draw.floats(dims.reduce((a, b) => a * b, 1)))
  const feeds = {
    ...Object.fromEntries(widths.map((count, i) => [`x${i}`, floats(batch, sequence, count * size)] as const)),
    last: of('int32', [batch], new Array(batch).fill(sequence - 1)),
    total: of('int32', [1], [sequence]),
  }
  const constants = {
    cos: floats(8, size / 2),
    sin: floats(8, size / 2),
    q_norm: floats(size),
    k_norm: floats(size),
  }
  const node: Node = {
    name: 'attention',
    opType: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [...['x0', 'x1', 'x2', '', '', 'last', 'total', 'cos', 'sin'], ...['', '', '', '', '', 'q_norm', 'k_norm']],
    outputs: ['y'],
    attributes: {
      num_heads: heads,
      kv_num_heads: groups,
      do_rotary: 1,
      rotary_interleaved: draw.int(0, 1),
      ...(draw.flag() ? { qk_norm_epsilon: draw.pick([1e-5, 0.1]) } : {}),
    },
    attributeTypes: {
      num_heads: 'int',
      kv_num_heads: 'int',
      do_rotary: 'int',
      rotary_interleaved: 'int',
      qk_norm_epsilon: 'float',
    },
  }
  const graph = (): Graph => {
    const made = createGraph('heads')
    for (const [name, { dtype, dims }] of Object.entries(feeds)) addInput(made, name, dtype, dims)
    for (const [name, data] of Object.entries(constants)) addInitializer(made, name, data)
    made.outputs = ['y']
    return made
  }
  return { node, graph, feeds }
}

/** What a graph computes on the CPU, by plain operators where attention is decomposed. */
async function onCpu(graph: Graph, feeds: Parameters<typeof run>[1]) {
  const runnable = lower(graph)
  prune(runnable, { inputs: true })
  const used = Object.fromEntries(Object.entries(feeds ?? {}).filter(([name]) => runnable.inputs.includes(name)))
  return (await run(runnable, used)).get('y')
}

it('of kept attention are normalized before it, because the CPU has no kernel that does', async () => {
  for (let seed = 0; seed < 5; seed++) {
    const { node, graph, feeds } = form(seed)
    const decomposed = graph()
    decompose(build(decomposed), node)
    const fused = graph()
    fused.nodes.push(node)
    fused.values.set('y', decomposed.values.get('y') as never)
    const kept = readModel(writeModel(fused), { keepAttention: true })
    expect(kept.nodes.at(-1)).toMatchObject({ opType: 'GroupQueryAttention', attributes: { do_rotary: 1 } })
    const expected = await onCpu(decomposed, feeds)
    const actual = await onCpu(kept, feeds)
    expect(actual?.data ?? [], `seed ${seed}`).toBeAllclose(expected?.data ?? [Number.NaN], { atol: 1e-5, rtol: 1e-4 })
  }
})

describe.skipIf(!existsSync(swiftshader))('normalized heads, against WebGPU', () => {
  it('5 forms', async () => {
    for (let seed = 0; seed < 5; seed++) {
      const { node, graph, feeds } = form(seed)
      const decomposed = graph()
      expect(decompose(build(decomposed), node)).toBe(true)
      const fused = graph()
      fused.nodes.push(node)
      fused.values.set('y', decomposed.values.get('y') as never)
      const expected = (await run(fused, feeds, 'webgpu')).get('y')
      const actual = await onCpu(decomposed, feeds)
      expect(actual?.dims).toEqual(expected?.dims)
      expect(actual?.data ?? [], `seed ${seed}`).toBeAllclose(expected?.data ?? [Number.NaN], {
        atol: 1e-5,
        rtol: 1e-4,
      })
    }
  })
})
