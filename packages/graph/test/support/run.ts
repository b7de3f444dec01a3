// Runs a graph on ONNX Runtime's CPU kernels, for the tests of this package, which has no runtime of its own.

import { InferenceSession, Tensor } from 'onnxruntime-node'
import { elements, type Graph, type Tensor as GraphTensor, tensorOf, writeModel } from '../../src/index.ts'

/** Outputs of a graph by name, as numbers. @param device whose kernels are asked first */
export async function run(
  graph: Graph,
  feeds: Readonly<Record<string, GraphTensor>> = {},
  device: 'cpu' | 'webgpu' = 'cpu',
): Promise<Map<string, { dims: readonly number[]; data: number[] }>> {
  const session = await InferenceSession.create(writeModel(graph), {
    executionProviders: [device],
    logSeverityLevel: 4,
  })
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, value]) => [
      name,
      new Tensor(value.dtype as 'float32', elements(value) as Float32Array, value.dims),
    ]),
  )
  const results = await session.run(inputs)
  await session.release()
  return new Map(
    Object.entries(results).map(([name, value]) => [
      name,
      { dims: value.dims, data: Array.from(value.data as ArrayLike<number | bigint>, Number) },
    ]),
  )
}

/** A tensor from numbers. */
export const of = tensorOf
