// Sessions whose optimizer steps in the arrays of parameters and state, held against the optimizer's graph on the
// runtime. From 2^20 elements of a block on, pages do so too: this file runs there as well (npm run test:browser).

import { random } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32, type Model, type Tensor, toFloat32 } from '@cola/graph'
import { expect, it } from 'vitest'
import { optimizerInputs, type TrainingArtifacts } from '../../src/artifacts/training-artifacts.ts'
import { hasFiles } from '../../src/files/node.ts'
import {
  adam,
  adamw,
  crossEntropy,
  generateArtifacts,
  openSession,
  type Optimizer,
  OrtTensor,
  sgd,
  TrainingSession,
} from '../../src/index.ts'
import { openOptimizer } from '../../src/session/optimizer-step.ts'
import { collate, rows } from '../support/tiny.ts'

const device = hasFiles() ? 'cpu' : 'wasm'
const large = 2 ** 20

/** y = relu(x w) frozen, with a trained w [4, elements / 4]. */
function wideModel(elements: number): Model {
  const graph = createGraph('wide')
  const g = build(graph)
  const stream = random(5, 'wide')
  const width = elements / 4
  const normals = (dims: readonly [number, number], scale: number) =>
    float32(
      dims,
      Float32Array.from({ length: dims[0] * dims[1] }, () => scale * stream.normal()),
    )
  const w = addInitializer(graph, 'w', normals([4, width], 0.5))
  const frozen = addInitializer(graph, 'frozen', normals([width, 2], 2 / Math.sqrt(width)))
  const hidden = g.Relu(g.MatMul(addInput(graph, 'x', 'float32', ['batch', 4]), w))
  g.node('MatMul', [hidden, frozen], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(['w']) }
}

const artifactsOf = (optimizer: Optimizer, elements = large) =>
  generateArtifacts(wideModel(elements), { loss: crossEntropy(), optimizer })

/** torch.nn.utils.clip_grad_norm_'s factor, from a sum in float64: a browser's kernel sums in float32. */
function clipping(gradients: ReadonlyMap<string, Tensor>, maximum: number): number {
  const squares = [...gradients.values()].map((value) => toFloat32(value).reduce((sum, x) => sum + x * x, 0))
  return Math.min(1, maximum / (Math.sqrt(squares.reduce((a, b) => a + b)) + 1e-6))
}

/** Parameters and state after a step, by an optimizer's graph on the runtime. @param maximum Norm of gradients. */
async function byRuntime(
  session: TrainingSession,
  { optimizerModel: graph, biasCorrections = [] }: TrainingArtifacts,
  { learningRate, maximum }: { learningRate: number; maximum: number },
): Promise<Map<string, Float32Array>> {
  const { tensors, step } = await session.getState()
  const gradients = await session.getGradients()
  const numbers: Record<string, number> = {
    [optimizerInputs.learningRate]: learningRate,
    [optimizerInputs.step]: step + 1,
    [optimizerInputs.gradientScale]: clipping(gradients, maximum),
    ...Object.fromEntries(biasCorrections.map(({ input, beta, power }) => [input, (1 - beta ** (step + 1)) ** power])),
  }
  const arrays = [...tensors, ...[...gradients].map(([name, value]) => [`${name}_grad`, value] as const)]
  const feeds = new Map([
    ...arrays.map(([name, value]) => [name, new OrtTensor('float32', toFloat32(value).slice(), value.dims)] as const),
    ...Object.entries(numbers).map(([name, n]) => [name, new OrtTensor('float32', Float32Array.of(n), [])] as const),
  ])
  const runtime = await openSession({ graph }, device)
  const given = Object.fromEntries(graph.inputs.map((name) => [name, feeds.get(name) as OrtTensor]))
  const results = await runtime.run(given)
  await runtime.release()
  return new Map([...tensors.keys()].map((name) => [name, results[`${name}.out`]?.data as Float32Array]))
}

interface Case {
  optimizer: Optimizer
  /** The optimizer without clipping. @default the same */
  plain?: Optimizer
  maximum?: number
  /** Learning rates of the steps. @default 0.1 and 0.01 */
  rates?: readonly number[]
  tolerance?: number
}

const momentum = { momentum: 0.9, nesterov: true }
const cases: Record<string, Case> = {
  'adam with an L2 penalty': { optimizer: adam({ weight_decay: 0.1 }) },
  adamw: { optimizer: adamw({ weight_decay: 0.1 }) },
  'sgd with Nesterov momentum': { optimizer: sgd(momentum) },
  'sgd with clipping': {
    optimizer: sgd({ ...momentum, max_grad_norm: 0.01 }),
    plain: sgd(momentum),
    maximum: 0.01,
    rates: [100, 10],
    tolerance: 1e-6,
  },
}

/** Greatest difference, as a share of the value where it is above 1. */
const worstError = (found: Float32Array, expected: Float32Array): number =>
  expected.reduce((worst, value, i) => {
    const error = Math.abs((found[i] as number) - value) / Math.max(1, Math.abs(value))
    return error <= worst ? worst : Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
  }, 0)

it.each(Object.entries(cases))(
  `%s steps a block of ${large} elements as the runtime does`,
  async (_, { optimizer, plain = optimizer, maximum = Infinity, rates = [0.1, 0.01], tolerance = 0 }) => {
    const reference = artifactsOf(plain)
    const session = await TrainingSession.create({ artifacts: artifactsOf(optimizer), device })
    for (const learningRate of rates) {
      session.lazyResetGrad()
      await session.runTrainStep(collate(rows(8)))
      if (plain !== optimizer) expect(clipping(await session.getGradients(), maximum)).toBeLessThan(0.5)
      const expected = await byRuntime(session, reference, { learningRate, maximum })
      const before = (await session.getContiguousParameters()).slice()
      await session.runOptimizerStep({ learningRate })
      const { tensors } = await session.getState()
      expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [name, value] of tensors)
        expect(worstError(toFloat32(value), expected.get(name) as Float32Array), name).toBeLessThanOrEqual(tolerance)
      const after = await session.getContiguousParameters()
      expect(after.filter((value, i) => value !== before[i]).length).toBeGreaterThan(large / 4)
    }
    await session.release()
  },
)

it.each([
  [large, false],
  [large - 4, !hasFiles()],
])('a block of %i elements: the optimizer has a session of the runtime: %s', async (elements, hasSession) => {
  const artifacts = artifactsOf(adamw(), elements)
  let opened = 0
  const optimizer = await openOptimizer(artifacts, device, () => {
    opened++
    return openSession({ graph: artifacts.optimizerModel }, device)
  })
  expect(opened > 0).toBe(hasSession)
  await optimizer.release()
})
