// Where the runtime computes the graphs on WebGPU, by its own profile.

import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { placementOf } from './placement.ts'
import { smallEncoder, smallGpt2 } from './small-models.ts'

const graphs = ['trainingModel', 'evalModel', 'optimizerModel'] as const

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
  it('the encoder computes nothing with floating-point numbers on the CPU', async () => {
    const { artifacts, batch } = smallEncoder()
    for (const name of graphs) {
      const { nodes } = await placementOf(artifacts[name], 'webgpu', batch)
      expect(nodes.filter(({ onHost, isFloat }) => onHost && isFloat)).toEqual([])
    }
  })
})
