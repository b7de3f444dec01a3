import { float16ToFloat32, float32, float32ToFloat16, type Tensor, toFloat32 } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  CheckpointError,
  ConfigError,
  FeedError,
  NonFiniteLossError,
  SessionError,
  TrainingSession,
  adam,
  adamw,
  crossEntropy,
  defaultDevice,
  generateArtifacts,
  openSession,
  sgd,
} from '../../src/index.ts'
import { bad } from '../support/refuses.ts'
import { artifactsOf, collate, rows, tinyModel } from '../support/tiny.ts'

it('a session refuses invalid seeds and learning rates, and a model a dropout that is not a probability', async () => {
  const artifacts = artifactsOf(sgd())
  await expect(TrainingSession.create({ artifacts, device: 'cpu', seed: Number.NaN })).rejects.toThrow(/option seed/)
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  for (const learningRate of bad)
    await expect(session.runOptimizerStep({ learningRate: learningRate as never })).rejects.toThrow(
      /learningRate.*at least 0/,
    )
  await session.release()
  for (const dropout of [1, -0.5, Number.POSITIVE_INFINITY])
    expect(() => artifactsOf(sgd(), { dropout })).toThrow(/Dropout "drop": not a probability/)
})

const open = (artifacts = artifactsOf(sgd()), seed = 0) => TrainingSession.create({ artifacts, device: 'cpu', seed })

describe('TrainingSession', () => {
  it('gives frozen weights no gradient and no input', () => {
    const { trainingModel, parameters } = artifactsOf(adam())
    expect([...parameters.keys()]).toEqual(['w1', 'b1', 'w2'])
    expect(trainingModel.initializers.has('frozen')).toBe(true)
    expect(trainingModel.outputs).toEqual(['loss', 'logits', 'parameters.0_grad.accumulation.out'])
  })
  it('joins small parameters in one tensor, and keeps a large one separate', async () => {
    const model = tinyModel({ width: 512 })
    const artifacts = generateArtifacts(
      { ...model, trainable: new Set(['w1', 'wide', 'b1', 'w2']) },
      { loss: crossEntropy(), optimizer: adam() },
    )
    expect(artifacts.blocks.map(({ name, dims, parts }) => [name, dims, parts.map((part) => part.name)])).toEqual([
      ['parameters.0', [4 * 512 + 512 + 2 * 512], ['w1', 'b1', 'w2']],
      ['wide', [512, 512], ['wide']],
    ])
    const session = await open(artifacts)
    await session.runTrainStep(collate(rows(8)))
    await session.runOptimizerStep({ learningRate: 0.1 })
    const { tensors } = await session.getState()
    expect([...tensors.keys()]).toEqual(
      ['', '.exp_avg', '.exp_avg_sq'].flatMap((slot) => ['w1', 'wide', 'b1', 'w2'].map((name) => name + slot)),
    )
    expect(tensors.get('b1.exp_avg')?.dims).toEqual([512])
    await session.setParameters(new Map([['b1', float32([512], new Float32Array(512).fill(7))]]))
    const after = await session.getParameters()
    expect(new Set(toFloat32(after.get('b1') as never))).toEqual(new Set([7]))
    for (const name of ['w1', 'wide', 'w2'])
      expect(toFloat32(after.get(name) as never)).toEqual(toFloat32(tensors.get(name) as never))
    await session.release()
  })
  it('steps by -learningRate * gradient with SGD', async () => {
    const session = await open()
    const before = await session.getContiguousParameters()
    await session.runTrainStep(collate(rows(8)))
    const gradients = [...(await session.getGradients()).values()].flatMap((value) => [...toFloat32(value)])
    await session.runOptimizerStep({ learningRate: 0.1 })
    expect(await session.getContiguousParameters()).toBeAllclose(
      before.map((value, i) => value - 0.1 * (gradients[i] as number)),
    )
    await session.release()
  })
  it('accumulates: two halves of a batch give the step of the whole batch', async () => {
    const [whole, halves] = [await open(), await open()]
    const batch = rows(8)
    await whole.runTrainStep(collate(batch))
    await halves.runTrainStep(collate(batch.slice(0, 4)))
    await halves.runTrainStep(collate(batch.slice(4)))
    for (const session of [whole, halves]) await session.runOptimizerStep({ learningRate: 1 })
    expect(await halves.getContiguousParameters()).toBeAllclose(await whole.getContiguousParameters())
    for (const session of [whole, halves]) await session.release()
  })
  it('draws dropout masks from the seed, and none for evaluation', async () => {
    const artifacts = artifactsOf(sgd(), { dropout: 0.5 })
    const losses = async (seed: number) => {
      const session = await open(artifacts, seed)
      const result = [
        (await session.runTrainStep(collate(rows(8)))).loss,
        (await session.runEvalStep(collate(rows(8)))).loss,
      ]
      await session.release()
      return result as [number, number]
    }
    const [first, again, other] = [await losses(1), await losses(1), await losses(2)]
    expect(again).toEqual(first)
    expect(other[0]).not.toBe(first[0])
    expect(other[1]).toBe(first[1])
  })
  it('groups parameters: no decay and a larger rate for some', async () => {
    const plain = await open(artifactsOf(sgd({ weight_decay: 0 })))
    const grouped = await open(
      artifactsOf(sgd({ weight_decay: 0.5, groups: [{ params: ['b1'], weight_decay: 0, lr_scale: 2 }] })),
    )
    const start = new Map([...(await plain.getParameters())].map(([name, value]) => [name, toFloat32(value)]))
    for (const session of [plain, grouped]) {
      await session.runTrainStep(collate(rows(8)))
      await session.runOptimizerStep({ learningRate: 0.1 })
    }
    const [a, b] = [await plain.getParameters(), await grouped.getParameters()]
    const of = (map: typeof a, name: string) => toFloat32(map.get(name) as never)
    expect(of(b, 'b1').map((value, i) => value - (start.get('b1')?.[i] as number))).toBeAllclose(
      of(a, 'b1').map((value, i) => 2 * (value - (start.get('b1')?.[i] as number))),
    )
    expect(of(b, 'w1')).toBeAllclose(of(a, 'w1').map((value, i) => value - 0.05 * (start.get('w1')?.[i] as number)))
    for (const session of [plain, grouped]) await session.release()
  })
  it('round-trips parameters and state, and refuses those of another model', async () => {
    const session = await open(artifactsOf(adamw()))
    await session.runTrainStep(collate(rows(8)))
    await session.runOptimizerStep({ learningRate: 0.1 })
    const [state, flat] = [await session.getState(), await session.getContiguousParameters()]
    session.loadParametersBuffer(new Float32Array(flat.length))
    session.setState(state)
    expect(await session.getContiguousParameters()).toEqual(flat)
    expect(() => session.loadParametersBuffer(new Float32Array(3))).toThrow(FeedError)
    expect(() =>
      session.setState({ tensors: new Map([...state.tensors].filter(([name]) => name !== 'w1.exp_avg')), step: 1 }),
    ).toThrow(/w1\.exp_avg.*missing/)
    await expect(session.setParameters(new Map([['elsewhere', state.tensors.get('w1') as never]]))).rejects.toThrow(
      CheckpointError,
    )
    await session.release()
  })
})

it('a session that has ended its training evaluates as before, and takes no step', async () => {
  const session = await TrainingSession.create({ artifacts: artifactsOf(adamw()), device: defaultDevice() })
  const batch = collate(rows(8))
  await session.runTrainStep(batch)
  await session.runOptimizerStep({ learningRate: 0.1 })
  const [{ loss }, parameters] = [await session.runEvalStep(batch), await session.getContiguousParameters()]
  await session.endTraining()
  await expect(session.runTrainStep(batch)).rejects.toThrow(SessionError)
  expect((await session.runEvalStep(batch)).loss).toBe(loss)
  expect(await session.getContiguousParameters()).toEqual(parameters)
  session.setState(await session.getState())
  await session.release()
})

describe('frozen products in int8', () => {
  const options = { width: 192 }
  const step = async (frozenProducts: 'float32' | 'int8') => {
    const session = await open(artifactsOf(sgd(), { ...options, frozenProducts }))
    const batch = collate(rows(32))
    await session.runTrainStep(batch)
    const gradients = [...(await session.getGradients()).values()].flatMap((value) => [...toFloat32(value)])
    const { loss } = await session.runEvalStep(batch)
    await session.release()
    return { gradients, loss }
  }
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)

  it('give approximately the gradient of float32, and the same evaluation', async () => {
    const [exact, near] = [await step('float32'), await step('int8')]
    expect(near.loss).toBe(exact.loss)
    expect(near.gradients).not.toEqual(exact.gradients)
    const cosine =
      dot(exact.gradients, near.gradients) /
      Math.sqrt(dot(exact.gradients, exact.gradients) * dot(near.gradients, near.gradients))
    expect(cosine).toBeGreaterThan(0.999)
  })
  it('are forward and backward, each with the matrix in its layout', () => {
    const { trainingModel, evalModel } = artifactsOf(sgd(), { ...options, frozenProducts: 'int8' })
    const products = trainingModel.nodes.filter(({ opType }) => opType === 'DynamicQuantizeMatMul')
    expect(products.map(({ inputs }) => inputs[1])).toEqual(['wide.int8_product', 'wide.transposed.int8_product'])
    expect(trainingModel.initializers.has('wide')).toBe(false)
    expect(evalModel.initializers.has('wide')).toBe(true)
  })
  it('are refused on devices without them, and under another name', async () => {
    const artifacts = artifactsOf(sgd(), { ...options, frozenProducts: 'int8' })
    for (const device of ['cuda', 'webgpu'] as const)
      await expect(openSession({ graph: artifacts.trainingModel }, device)).rejects.toThrow(
        /no products in eight bits.*cpu or wasm/s,
      )
    expect(() => artifactsOf(sgd(), { frozenProducts: 'int4' as 'int8' })).toThrow(ConfigError)
  })
})

describe('frozen products in float16', () => {
  const options = { width: 64, frozenProducts: 'float16' as const }

  it('are those of the rounded matrix, in training and evaluation', async () => {
    const [half, whole] = [artifactsOf(sgd(), options), artifactsOf(sgd(), { width: 64 })]
    const wide = whole.trainingModel.initializers.get('wide') as Tensor
    const rounded = float32(wide.dims, float16ToFloat32(float32ToFloat16(toFloat32(wide))))
    for (const { initializers } of [whole.trainingModel, whole.evalModel]) initializers.set('wide', rounded)
    for (const { initializers } of [half.trainingModel, half.evalModel]) {
      expect(initializers.get('wide.float16')?.dtype).toBe('float16')
      expect(initializers.has('wide')).toBe(false)
    }
    const batch = collate(rows(32))
    const results = []
    for (const artifacts of [half, whole]) {
      const session = await open(artifacts)
      const { loss } = await session.runTrainStep(batch)
      const gradients = [...(await session.getGradients()).values()].flatMap((value) => [...toFloat32(value)])
      results.push([loss, (await session.runEvalStep(batch)).loss, ...gradients])
      await session.release()
    }
    expect(results[0]).toEqual(results[1])
  })
})

describe('a training step without outputs', () => {
  it('reads the loss alone, and trains the same', async () => {
    const [whole, loss] = [await open(), await open()]
    const results = [
      await whole.runTrainStep(collate(rows(4))),
      await loss.runTrainStep(collate(rows(4)), { outputs: false }),
    ]
    expect(results.map(({ outputs }) => Object.keys(outputs))).toEqual([['logits'], []])
    expect(results[1]?.loss).toBe(results[0]?.loss)
    for (const session of [whole, loss]) await session.runOptimizerStep({ learningRate: 0.1 })
    expect(await loss.getContiguousParameters()).toEqual(await whole.getContiguousParameters())
    await Promise.all([whole.release(), loss.release()])
  })
})

describe('bad input', () => {
  it('names an input that is missing, or has a wrong shape or type', async () => {
    const session = await open()
    const batch = collate(rows(4))
    await expect(session.runTrainStep({ x: batch.x as never })).rejects.toThrow(
      /input "labels": missing from the batch, expected int32\[batch\]/,
    )
    await expect(session.runTrainStep({ ...batch, labels: { data: new Int32Array(3), dims: [3] } })).rejects.toThrow(
      /input "labels": wrong shape, expected \[batch\] batch=4, found \[3\]/,
    )
    await expect(session.runTrainStep({ ...batch, labels: { data: new Float32Array(4), dims: [4] } })).rejects.toThrow(
      /wrong element type, expected int32, found float32/,
    )
    const given = async (x: unknown) => session.runTrainStep({ ...batch, x } as never)
    await expect(given([[0, 1]])).rejects.toThrow(
      /^input "x": not a typed array.*Float32Array\.from.*found \[\[0, 1\]\]/,
    )
    await expect(given({ data: [0, 1], dims: [1, 2] })).rejects.toThrow(/not a typed array.*found Array\./)
    await expect(given({ data: Float64Array.of(0), dims: [1] })).rejects.toThrow(
      /not a typed array.*found Float64Array/,
    )
    await expect(session.runTrainStep(Promise.resolve(batch) as never)).rejects.toThrow(/found a Promise: write await/)
    await expect(session.runTrainStep({})).rejects.toThrow(/missing from the batch.*found an object with no fields/)
    await expect(session.runOptimizerStep({ learningRate: 1 })).rejects.toThrow(FeedError)
    await session.release()
  })
  it('stops at a loss that is not finite, without a change of state', async () => {
    const session = await open()
    const before = await session.getContiguousParameters()
    const batch = collate([{ x: [Number.NaN, 0, 0, 0], label: 0 }])
    await expect(session.runTrainStep(batch)).rejects.toThrow(NonFiniteLossError)
    expect(await session.getContiguousParameters()).toEqual(before)
    await session.release()
  })
  it('names the frozen weight that makes the loss NaN', async () => {
    const model = tinyModel()
    const frozen = Float32Array.from({ length: 16 }, (_, i) => (i === 6 ? Number.NaN : 1))
    model.graph.initializers.set('frozen', float32([4, 4], frozen))
    const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: adamw() })
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    await expect(session.runTrainStep(collate(rows(4)))).rejects.toThrow(
      /the loss is not a finite number, found NaN\. The base model's "frozen" holds NaN at element 6/,
    )
    await session.release()
  })
})
