// Where the runtime computes the graphs on WebGPU, by its own profile.

import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { placementOf } from './placement.ts'
import { smallEncoder, smallGpt2 } from './small-models.ts'

const graphs = ['trainingModel', 'evalModel', 'optimizerModel'] as const

/** Nodes that the encoder's export computes positions and the mask's indices with, in int64 and bool: bytes of each. */
const integerWork = {
  node_Shape_2: 8,
  node_Shape_1: 8,
  node_Concat_85: 24,
  node_slice_1: 32,
  node_Concat_23: 16,
  node_gather: 32,
  node_expand_1: 64,
  node_Concat_63: 32,
  node_sym_size_int_11: 8,
  node_arange_2: 32,
  node_Unsqueeze_161: 32,
  node_unsqueeze_11: 32,
  node_sym_size_int_10: 8,
  node_arange: 16,
  node_Unsqueeze_159: 16,
  node_unsqueeze_2: 16,
  node_Max_40: 64,
  node_Shape_41: 32,
  node_Expand_45: 64,
  node_Unsqueeze_46: 64,
  node_Expand_42: 64,
  node_Unsqueeze_44: 64,
  node_Concat_47: 128,
  node__to_copy: 8,
  node_GatherND_48: 8,
  node_unsqueeze_8: 32,
  node_ge: 4,
}

describe.skipIf(!existsSync(process.env.VK_ICD_FILENAMES ?? ''))('on webgpu', () => {
  it.each(graphs)('every node of the small GPT-2’s %s runs on the GPU', async (name) => {
    const { artifacts, batch } = smallGpt2()
    const { nodes } = await placementOf(artifacts[name], 'webgpu', batch)
    expect(nodes.filter(({ onHost }) => onHost)).toEqual([])
    expect(nodes.length).toBeGreaterThan(10)
  })
  it('a step of the small GPT-2 starts at most 350 kernels', async () => {
    const { artifacts, batch } = smallGpt2()
    const training = await placementOf(artifacts.trainingModel, 'webgpu', batch)
    const optimizer = await placementOf(artifacts.optimizerModel, 'webgpu', batch)
    expect(training.dispatches.length + optimizer.dispatches.length).toBeLessThanOrEqual(350)
  })
  it('the encoder leaves to the CPU its shapes and the integers of its mask, and nothing else', async () => {
    const { artifacts, batch } = smallEncoder()
    const { nodes } = await placementOf(artifacts.trainingModel, 'webgpu', batch)
    const host = nodes.filter(({ onHost }) => onHost)
    expect(host.filter(({ isFloat }) => isFloat)).toEqual([])
    expect(Object.fromEntries(host.map(({ name, bytes }) => [name, bytes]))).toEqual(integerWork)
  })
})
