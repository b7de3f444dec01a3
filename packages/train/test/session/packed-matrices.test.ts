// A step with frozen matrices in 4 and 8 bits, with zero points or without, on each device that is there: the loss and
// every gradient of the step with the float32 matrices that the codes mean.

import { random } from '@cola/data'
import {
  addInitializer,
  addInput,
  build,
  createGraph,
  float32,
  type Model,
  packedTensor,
  type Tensor,
  tensorOf,
  toFloat32,
  type Value,
} from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { keepGpu } from '../../../../tools/kept-gpu.ts'
import {
  type Batch,
  crossEntropy,
  defaultDevice,
  type Device,
  generateArtifacts,
  sgd,
  TrainingSession,
} from '../../src/index.ts'
import { hasFiles } from '../../src/files/node.ts'

const devices: Device[] = hasFiles() ? ['cpu', 'webgpu'] : [defaultDevice()]
/** The device that computes with the float32 matrices. */
const reference = devices[0] as Device
const isThere = (device: Device): boolean => device !== 'webgpu' || process.env.VK_ICD_FILENAMES !== undefined

const [inputs, width, classes, rank, blockSize] = [40, 24, 3, 2, 16] as const

interface Form {
  readonly bits: 4 | 8
  readonly zeros: boolean
}

/** A matrix [N, K] of random codes; where 16 does not divide K, its last block is padded. */
function packed([N, K]: readonly [number, number], { bits, zeros }: Form): Tensor {
  const stream = random(N, `codes of ${bits} bits`)
  const blocks = Math.ceil(K / blockSize)
  const bytes = (count: number, most: number): number[] =>
    Array.from({ length: count }, () => Math.floor(stream.uniform() * most))
  const size = (blockSize * bits) / 8
  const scale = 2 ** (2 - bits)
  return packedTensor({
    ...{ bits, blockSize, N, K, transposed: false },
    codes: tensorOf('uint8', [N, blocks, size], bytes(N * blocks * size, 256)),
    scales: float32(
      [N, blocks],
      Float32Array.from({ length: N * blocks }, () => scale * (0.05 + 0.1 * stream.uniform())),
    ),
    zeroPoints: zeros ? tensorOf('uint8', [N, blocks], bytes(N * blocks, 2 ** bits)) : undefined,
  })
}

/** The float32 matrix that the codes mean. */
const plain = (matrix: Tensor): Tensor => float32(matrix.dims, toFloat32(matrix).slice())

/** Two frozen layers with LoRA, behind a trained shift of x, so that both are multiplied with in both directions. */
function modelOf(first: Tensor, second: Tensor): Model {
  const graph = createGraph('packed')
  const g = build(graph)
  const stream = random(3, 'trained')
  const trainable = new Set<string>()
  const trained = (name: string, ...dims: number[]) => {
    trainable.add(name)
    const values = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => stream.normal() / 4)
    return addInitializer(graph, name, float32(dims, values))
  }
  const layer = (name: string, x: Value, matrix: Tensor) => {
    const [N, K] = matrix.dims as [number, number]
    const down = g.Gemm(x, trained(`${name}.A`, rank, K), { transB: 1 })
    const own = g.Gemm(x, addInitializer(graph, name, matrix), { transB: 1 })
    return g.Add(own, g.Gemm(down, trained(`${name}.B`, N, rank), { transB: 1 }))
  }
  const shifted = g.Add(addInput(graph, 'x', 'float32', ['batch', inputs]), trained('shift', inputs))
  const hidden = g.Tanh(layer('first', shifted, first))
  const last = layer('second', hidden, second)
  g.node('Gemm', [last, trained('head', inputs, classes)], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable }
}

const rows = 5
const stream = random(7, 'rows')
const batch: Batch = {
  x: { data: Float32Array.from({ length: rows * inputs }, () => stream.normal()), dims: [rows, inputs] },
  labels: { data: Int32Array.from({ length: rows }, (_, i) => i % classes), dims: [rows] },
}

async function step(model: Model, device: Device) {
  const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() })
  const session = await TrainingSession.create({ artifacts, device })
  const { loss } = await session.runTrainStep(batch)
  const gradients = new Map([...(await session.getGradients())].map(([name, value]) => [name, toFloat32(value)]))
  await session.release()
  return { artifacts, loss, gradients }
}

describe.each(devices.filter(isThere))('on %s', (device) => {
  if (device === 'webgpu') keepGpu()
  it.each<Form>([
    { bits: 4, zeros: false },
    { bits: 4, zeros: true },
    { bits: 8, zeros: false },
    { bits: 8, zeros: true },
  ])('$bits bits, zero points: $zeros', async (form) => {
    const [first, second] = [packed([width, inputs], form), packed([inputs, width], form)]
    const actual = await step(modelOf(first, second), device)
    const expected = await step(modelOf(plain(first), plain(second)), reference)
    const codes = [...actual.artifacts.trainingModel.initializers.values()].filter((data) => data.packed)
    expect(codes).toHaveLength(2)
    expect(actual.loss).toBeCloseTo(expected.loss, 5)
    expect([...actual.gradients.keys()].sort()).toEqual(
      ['first.A', 'first.B', 'head', 'second.A', 'second.B', 'shift'].sort(),
    )
    for (const [name, gradient] of actual.gradients) {
      expect(
        gradient.some((x) => Math.abs(x) > 1e-3),
        name,
      ).toBe(true)
      expect(gradient, name).toBeAllclose(expected.gradients.get(name) ?? [], { atol: 1e-6, rtol: 1e-4 })
    }
  })
})
