import { elementCount, float32, type Tensor } from '@cola/graph'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concatenate } from '../../src/artifacts/blocks.ts'
import { adamw, SessionError, Trainer, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, type Row, rows } from '../support/tiny.ts'

const open = () => TrainingSession.create({ artifacts: artifactsOf(adamw(), { dropout: 0.2 }), device: 'cpu', seed: 3 })
const batch = collate(rows(16))
const filled = (dims: readonly number[], value: number) =>
  float32(dims, new Float32Array(elementCount(dims)).fill(value))
const busy = (running: string) => new RegExp(`${running} is still running, expected one call at a time`)

describe('one call at a time', () => {
  let session: TrainingSession
  beforeAll(async () => {
    session = await open()
  })
  afterAll(() => session.release())

  it.each([
    ['runTrainStep', () => session.runTrainStep(batch)],
    ['runOptimizerStep', () => session.runOptimizerStep({ learningRate: 0.1 })],
    ['setParameters', () => session.setParameters(new Map())],
    ['lazyResetGrad', async () => session.lazyResetGrad()],
    ['seekDropout', async () => session.seekDropout(3)],
  ])('%s is refused while runTrainStep runs, which goes on', async (_, second) => {
    const first = session.runTrainStep(batch)
    await expect(second()).rejects.toThrow(SessionError)
    await expect(second()).rejects.toThrow(busy('runTrainStep'))
    expect((await first).loss).toBeGreaterThan(0)
  })
  it('a step is refused while runOptimizerStep runs', async () => {
    await session.runTrainStep(batch)
    const before = session.step
    const first = session.runOptimizerStep({ learningRate: 0.1 })
    await expect(session.runOptimizerStep({ learningRate: 0.1 })).rejects.toThrow(busy('runOptimizerStep'))
    await first
    expect(session.step).toBe(before + 1)
  })
  it('calls that read wait for it, and do not refuse each other', async () => {
    session.lazyResetGrad()
    await session.runTrainStep(batch)
    const step = session.runOptimizerStep({ learningRate: 0.1 })
    const read = [session.getParameters(), session.getParameters(), session.runEvalStep(batch).then(({ loss }) => loss)]
    await step
    const after = [
      await session.getParameters(),
      await session.getParameters(),
      (await session.runEvalStep(batch)).loss,
    ]
    const plain = (values: unknown[]) =>
      JSON.stringify(values.map((value) => (value instanceof Map ? [...value].map(([, t]) => [...t.bytes()]) : value)))
    expect(plain(await Promise.all(read))).toBe(plain(after))
  })
  it('a call that failed does not count as running', async () => {
    await expect(session.runTrainStep({})).rejects.toThrow('missing from the batch')
    await expect(session.runTrainStep(batch)).resolves.toBeDefined()
  })
})

describe('while an evaluation runs', () => {
  let session: TrainingSession
  beforeAll(async () => {
    session = await open()
  })
  afterAll(() => session.release())

  it.each<[string, (all: Map<string, Tensor>) => unknown]>([
    ['setState', (tensors) => session.setState({ tensors, step: 0 })],
    ['setParameters', (all) => session.setParameters(parametersOf(all))],
    ['setParameters of one', (all) => session.setParameters(new Map([...parametersOf(all)].slice(0, 1)))],
    ['loadParametersBuffer', (all) => session.loadParametersBuffer(concatenate([...parametersOf(all).values()]))],
  ])('%s replaces what it reads: it ends with what there was', async (_, replace) => {
    const before = await session.runEvalStep(batch)
    const { tensors } = await session.getState()
    const running = [session.runEvalStep(batch), session.runEvalStep(batch)]
    const replaced = replace(new Map([...tensors].map(([name, { dims }]) => [name, filled(dims, 0.01)])))
    const after = await session.runEvalStep(batch)
    await replaced
    for (const { loss } of await Promise.all(running)) expect(loss).toBe(before.loss)
    expect(after.loss).not.toBe(before.loss)
    expect((await session.runEvalStep(batch)).loss).toBe(after.loss)
    session.setState({ tensors, step: 0 })
  })

  const parametersOf = (all: Map<string, Tensor>) =>
    new Map(session.parameterNames.map((name) => [name, all.get(name) as Tensor]))
})

describe('after the release', () => {
  it('every call is refused, and a second release does nothing', async () => {
    const session = await open()
    const state = await session.getState()
    const running = session.runTrainStep(batch)
    const released = session.release()
    await expect(running).resolves.toBeDefined()
    await released
    const calls = [
      () => session.runTrainStep(batch),
      () => session.runEvalStep(batch),
      () => session.runOptimizerStep({ learningRate: 0.1 }),
      () => session.getParameters(),
      () => session.getGradients(),
      () => session.getContiguousParameters(),
      () => session.setParameters(new Map()),
      () => session.getState(),
      async () => session.setState(state),
      async () => session.lazyResetGrad(),
      async () => session.seekDropout(1),
      async () => session.loadParametersBuffer(new Float32Array(session.getParametersSize())),
    ]
    for (const call of calls) {
      await expect(call(), String(call)).rejects.toThrow(SessionError)
      await expect(call()).rejects.toThrow('the session was released')
    }
    await session.release()
  })
})

it('a second train of a Trainer is refused while the first runs, and its result is not changed by it', async () => {
  const train = async (twice: boolean) => {
    const session = await open()
    const trainer = new Trainer<Row>({ session, data: { train: rows(32), collate }, epochs: 2, batch_size: 16 })
    const first = trainer.train()
    if (twice) {
      await expect(trainer.train()).rejects.toThrow(SessionError)
      await expect(trainer.train()).rejects.toThrow(/^Trainer, train: train is still running/)
    }
    const { losses } = await first
    await session.release()
    return losses
  }
  expect(await train(true)).toEqual(await train(false))
})
