import { existsSync } from 'node:fs'
import { hasFiles } from '@cola/data'
import { type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  adam,
  adamw,
  defaultDevice,
  type Device,
  type Optimizer,
  type SessionState,
  sgd,
  type Transformation,
  TrainingSession,
} from '../../src/index.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const batch = collate(rows(16))

/** The gradient times its squared norm, by a product of matrices: not elementwise. */
const squaring: Transformation = {
  state: ['square'],
  apply: (g, updates, _scalars, { save }) =>
    updates.map((entry) => {
      const row = g.Reshape(entry.update, g.int64([1, -1]))
      const square = g.MatMul(row, g.Transpose(row, { perm: [1, 0] }))
      const update = g.Mul(entry.update, g.Reshape(square, g.int64([])))
      save(entry.name, 'square', update)
      return { ...entry, update }
    }),
}
const optimizers: [string, Optimizer][] = [
  ['adam', adam({ weight_decay: 0.1 })],
  ['adamw', adamw({ max_grad_norm: 0.1 })],
  ['sgd', sgd()],
  ['sgd with momentum', sgd({ momentum: 0.9, nesterov: true, max_grad_norm: 1 })],
  ['one that is not elementwise', { name: 'squaring', options: {}, chain: [squaring] }],
]
const hasSoftwareGpu = hasFiles() && existsSync(process.env.VK_ICD_FILENAMES ?? '')
const devices: [Device, typeof optimizers][] = [
  [defaultDevice(), optimizers],
  // There the runtime takes every optimizer's steps.
  ...(hasSoftwareGpu ? [['webgpu', optimizers.slice(0, 1)] as [Device, typeof optimizers]] : []),
]

const open = (optimizer: Optimizer, device: Device = defaultDevice()) =>
  TrainingSession.create({ artifacts: artifactsOf(optimizer, { dropout: 0.2 }), device, seed: 3 })

async function step(session: TrainingSession): Promise<void> {
  session.lazyResetGrad()
  await session.runTrainStep(batch)
  await session.runOptimizerStep({ learningRate: 0.1 })
}

const copyOf = (tensors: ReadonlyMap<string, Tensor>) => [...tensors].map(([name, t]) => [name, toFloat32(t).slice()])

describe.each(devices)('on %s', (device, tried) => {
  it.each(tried)('%s: what was handed out and in before a step is the same after it', async (_, optimizer) => {
    const session = await open(optimizer, device)
    await step(session)
    const [parameters, gradients, { tensors }] = [
      await session.getParameters(),
      await session.getGradients(),
      await session.getState(),
    ]
    session.setState({ tensors, step: 1 })
    await session.setParameters(parameters)
    const held = [parameters, gradients, tensors]
    const before = held.map(copyOf)
    await step(session)
    await step(session)
    expect(held.map(copyOf)).toEqual(before)
    expect(copyOf(await session.getParameters())).not.toEqual(before[0])
    await session.release()
  })
})

it.each(optimizers)('%s: calls before a step read what was there before it', async (_, optimizer) => {
  const session = await open(optimizer)
  await step(session)
  const read = () =>
    [
      session.getParameters().then(copyOf),
      session.getState().then(({ tensors, step }: SessionState) => [step, copyOf(tensors)]),
      session.getGradients().then(copyOf),
      session.runEvalStep(batch).then(({ loss }) => loss),
    ] as const
  const before = await Promise.all(read())
  const pending = read()
  await session.runOptimizerStep({ learningRate: 0.1 })
  expect(await Promise.all(pending)).toEqual(before)
  expect(await Promise.all(read())).not.toEqual(before)
  await session.release()
})

it('a step from a restored state is the step from the state itself', async () => {
  const [first, second] = [await open(adam()), await open(adam())]
  await step(first)
  second.setState(await first.getState())
  for (const session of [first, second]) {
    session.seekDropout(5)
    await step(session)
  }
  expect(copyOf((await second.getState()).tensors)).toEqual(copyOf((await first.getState()).tensors))
  await Promise.all([first.release(), second.release()])
})
