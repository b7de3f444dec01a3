// The self-test of a device: what a tiny encoder computes, with its mask and its positions, against numbers that PyTorch
// computed in float64 (test/make-self-test.py). Drivers and browsers have shaders that compute wrongly.

import {
  addInitializer,
  addInput,
  build,
  createGraph,
  dataTypes,
  elementCount,
  float32,
  type Graph,
  tensorOf,
  transposeMatrix,
  type Value,
} from '@cola/graph'
import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import type { ResolvedDevice } from './devices.ts'
import { requireAdapter } from './missing-adapter.ts'
import { once } from './once.ts'
import { OrtTensor, type OrtSession } from './ort.ts'

/** The logits, [row, token, class]. */
const expected = [
  0.98579834, -0.36677686, 0.98826264, -0.32918593, 0.98812475, -0.50011177, 0.98326485, -0.47632724, 1.18893239,
  1.61751645, 1.18893242, 1.61751536, 1.18893492, 1.6174242, 1.18893535, 1.61740834,
]

/** Greatest difference from the expected numbers: float32 differs by 1e-6, and a GPU's functions by 1e-5. */
const tolerance = 1e-4

/** Numbers between -1 and 1 that depend on `salt`. */
export const selfTestValues = (count: number, salt: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(1.3 * i + salt))

/** Adds the parameters of a self-test's model, whose elements are {@link selfTestValues}. */
export const selfTestWeights =
  (graph: Graph) =>
  (name: string, dims: readonly number[], salt: number): Value =>
    addInitializer(graph, name, float32(dims, selfTestValues(elementCount(dims), salt)))

/** n = layerNorm(words[ids] + places[0, 1, ...]); logits = gelu(softmax(n n' / 2 at real tokens) n w1 + b1) w2. */
function tinyEncoder(): Graph {
  const graph = createGraph('self_test')
  const g = build(graph)
  const weight = selfTestWeights(graph)
  const [ids, mask] = ['ids', 'mask'].map((name) => addInput(graph, name, 'int64', ['batch', 'sequence'])) as [
    Value,
    Value,
  ]
  const length = g.Shape(ids, { start: 1, end: 2 })
  const places = g.Slice(weight('places', [8, 4], 2), g.int64([0]), length, g.int64([0]))
  const embedded = g.Add(g.Gather(weight('words', [6, 4], 1), ids), places)
  const normal = g.LayerNormalization(embedded, weight('scale', [4], 3), weight('shift', [4], 4), {
    axis: -1,
    epsilon: 1e-5,
  })
  const real = g.Unsqueeze(g.Equal(mask, g.scalar(1, 'int64')), g.int64([1]))
  const scores = g.Mul(g.MatMul(normal, transposeMatrix(g, normal)), g.scalar(0.5))
  const attended = g.MatMul(g.Softmax(g.Where(real, scores, g.scalar(-1e9)), { axis: -1 }), normal)
  const rows = g.Gemm(g.Reshape(attended, g.int64([-1, 4])), weight('w1', [4, 4], 5), weight('b1', [4], 6))
  g.node('Gemm', [g.Gelu(rows), weight('w2', [4, 2], 7)], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return graph
}

/** Opens a session for a graph on the device that is tested. */
type Open = (graph: Graph) => Promise<OrtSession>

/** The tests of each device that have passed in this process. */
const tested = new Map<ResolvedDevice, Promise<void>>()
const float16Tested = new Map<ResolvedDevice, Promise<void>>()

/**
 * Tests a device, once in a process, and in a browser that it is there, each time; that it computes with float16 too,
 * for the first graph with float16.
 * @throws {DeviceError} when it has no adapter, computes wrongly, naming the number, or has no float16.
 */
export async function passTests(graph: Graph, device: ResolvedDevice, open: Open): Promise<void> {
  if (!hasFiles()) await requireAdapter(device)
  await once(tested, device, () => testDevice(device, open))
  if ([...graph.values.values()].some(({ dtype }) => dtype === 'float16'))
    await once(float16Tested, device, () => testFloat16(device, open))
}

/** Checks what a device computes for the tiny encoder. */
async function testDevice(device: ResolvedDevice, open: Open): Promise<void> {
  const session = await open(tinyEncoder())
  try {
    const int64 = (numbers: readonly number[]) => new OrtTensor('int64', BigInt64Array.from(numbers, BigInt), [2, 4])
    const feeds = { ids: int64([1, 5, 2, 0, 4, 3, 0, 0]), mask: int64([1, 1, 1, 1, 1, 1, 0, 0]) }
    const { logits } = await session.run(feeds)
    checkNumbers(device, expected, Array.from(logits?.data as Float32Array), (i) => `number ${i + 1} of the logits`)
  } finally {
    await session.release()
  }
}

/** y = x W', with W in float16 and x [1, 4] of ones: sums of W's rows, which float16 has exactly. */
function tinyHalf(): Graph {
  const graph = createGraph('self_test_float16')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', [1, 4])
  const w = g.constant('w', tensorOf('float16', [2, 4], [1, 2, 3, 4, -0.5, 0.25, 8, 16]))
  g.node('Gemm', [x, g.Cast(w, { to: dataTypes.float32.onnx })], { outputs: ['y'], attributes: { transB: 1 } })
  graph.outputs = ['y']
  return graph
}

/** Checks that a device computes with float16. */
async function testFloat16(device: ResolvedDevice, open: Open): Promise<void> {
  const session = await open(tinyHalf())
  try {
    const { y } = await session.run({ x: new OrtTensor('float32', new Float32Array(4).fill(1), [1, 4]) })
    checkNumbers(device, [10, 23.75], Array.from(y?.data as Float32Array), () => 'a sum of float16 weights')
  } catch (cause) {
    throw cause instanceof DeviceError ? cause : withoutFloat16(device, cause as Error)
  } finally {
    await session.release()
  }
}

const withoutFloat16 = (device: ResolvedDevice, cause: Error): DeviceError =>
  new DeviceError(
    {
      where: `device "${device}"`,
      what: "it has no float16, which the model's weights are in",
      expected: 'a GPU adapter with the feature shader-f16',
      found: cause.message,
      fix: "generateArtifacts or fineTune with frozenProducts: 'float32', a file in float32, or another device.",
    },
    { cause },
  )

/**
 * Compares what a device computed for a self-test with what is right.
 * @param nameOf What a number is, for the error.
 * @throws {DeviceError} naming the first number that is wrong.
 */
export function checkNumbers(
  device: ResolvedDevice,
  right: readonly number[],
  found: readonly number[],
  nameOf: (i: number) => string,
): void {
  const wrong = right.findIndex((value, i) => !(Math.abs((found[i] ?? Number.NaN) - value) <= tolerance))
  if (wrong < 0) return
  throw new DeviceError({
    where: `device "${device}"`,
    what: `it computes wrongly: ${nameOf(wrong)} of a self-test`,
    expected: String(right[wrong]),
    found: String(found[wrong]),
    fix: 'Update the driver or the browser, or choose another device, such as "cpu" or "wasm".',
  })
}
