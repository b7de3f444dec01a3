// Parameters, gradients and optimizer state stay on the GPU: a step's batch goes up, its loss comes down.

import { existsSync } from 'node:fs'
import { TrainingSession } from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import { gradientBuffer, gradientOutput } from '../packages/train/src/artifacts/training-artifacts.ts'
import { type Crossings, sumOf, watchRuntime } from './crossings.ts'
import { keepGpu } from './kept-gpu.ts'
import { type SmallModel, smallEncoder, smallGpt2 } from './small-models.ts'

const watched = watchRuntime()
afterAll(() => watched.stop())

const scalarBytes = 4

/** What crossed in each of three steps, and in what followed them. */
async function stepsOf({ artifacts, batch }: SmallModel, device: 'cpu' | 'webgpu') {
  const session = await TrainingSession.create({ artifacts, device })
  watched.take()
  const steps: Crossings[] = []
  for (let step = 0; step < 3; step++) {
    session.lazyResetGrad()
    await session.runTrainStep(batch)
    await session.runOptimizerStep({ learningRate: 0.01 })
    steps.push(watched.take())
  }
  await session.runEvalStep(batch)
  const evaluation = watched.take()
  await session.getState()
  const state = watched.take()
  await session.release()
  return { steps, evaluation, state }
}

/** Names of the tensors of a training session's state, as inputs and as outputs. */
function stateNames({ artifacts }: SmallModel): { inputs: string[]; outputs: string[] } {
  const names = artifacts.blocks.map(({ name }) => name)
  const slots = names.flatMap((name) => artifacts.stateSlots.map((slot) => `${name}.${slot}`))
  return {
    inputs: [...names, ...slots, ...names.map(gradientBuffer), ...names.map((name) => `${name}_grad`)],
    outputs: [...names.map(gradientOutput), ...[...names, ...slots].map((name) => `${name}.out`)],
  }
}

describe.skipIf(!existsSync(process.env.VK_ICD_FILENAMES ?? ''))('on webgpu', () => {
  keepGpu()
  it.each([
    ['GPT-2', smallGpt2],
    ['encoder', smallEncoder],
  ])('the state of the small %s stays there', async (_, make) => {
    const model = make()
    const { inputs, outputs } = stateNames(model)
    const { steps, evaluation, state } = await stepsOf(model, 'webgpu')
    for (const [i, { up, down, resident }] of steps.entries()) {
      expect([...resident], `step ${i}`).toEqual(expect.arrayContaining(outputs))
      expect(sumOf(down)).toBeLessThanOrEqual(4096)
      // The first step brings what the run begins with.
      if (i === 0) continue
      expect([...resident], `step ${i}`).toEqual(expect.arrayContaining(inputs))
      const large = [...up].filter(([, bytes]) => bytes > scalarBytes).map(([name]) => name)
      expect(large.filter((name) => !(name in model.batch))).toEqual([])
      expect(sumOf(up)).toBeLessThanOrEqual(4096)
    }
    expect([...evaluation.up.keys()].filter((name) => !(name in model.batch))).toEqual([])
    expect(sumOf(evaluation.down)).toBeLessThanOrEqual(4096)
    // It comes down when it is asked for, and is counted then.
    const elements = model.artifacts.blocks.reduce((sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1), 0)
    expect(sumOf(state.down)).toBe(4 * elements * (1 + model.artifacts.stateSlots.length))
    expect(sumOf(state.up)).toBe(0)
  })
})

it('a state on the host is seen to cross', async () => {
  const model = smallGpt2()
  const { steps } = await stepsOf(model, 'cpu')
  for (const { up, down, resident } of steps) {
    expect([...resident]).toEqual([])
    expect([...up.keys()]).toEqual(expect.arrayContaining(model.artifacts.blocks.map(({ name }) => name)))
    expect([...down.keys()]).toEqual(
      expect.arrayContaining(model.artifacts.blocks.map(({ name }) => gradientOutput(name))),
    )
  }
})
