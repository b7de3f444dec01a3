// What each provider has kernels for: the table against which tests hold the graphs that this project emits.

import { type DataType, getValue, type Graph } from '@cola/graph'
import type { devices } from '../packages/train/src/runtime/devices.ts'

/**
 * Element types of the first input that each provider of ONNX Runtime 1.30 has a kernel for, among those that we emit.
 * WebGPU: webgpu_execution_provider.cc, seen by running each with CPU fallback forbidden; CUDA:
 * docs/OperatorKernels.md. The CPU has all of them.
 */
const float: DataType[] = ['float32']
const number: DataType[] = ['float32', 'int32']
const webgpu: Record<string, readonly DataType[]> = {
  Add: number,
  Sub: number,
  Mul: number,
  Div: number,
  Neg: float,
  Sqrt: float,
  Exp: float,
  Log: float,
  Tanh: float,
  Sigmoid: float,
  Reciprocal: float,
  Relu: float,
  Min: float,
  Max: float,
  Erf: float,
  Floor: float,
  Gelu: float,
  Equal: number,
  Greater: float,
  GreaterOrEqual: number,
  Less: float,
  And: ['bool'],
  Not: ['bool'],
  Where: ['bool'],
  Cast: ['float32', 'int32', 'bool'],
  DequantizeLinear: ['uint8', 'uint4'],
  Identity: float,
  MatMul: float,
  Gemm: float,
  MatMulNBits: float,
  Conv: float,
  ConvTranspose: float,
  Flatten: float,
  CumSum: float,
  Gather: ['float32', 'uint8'],
  GatherElements: float,
  ScatterND: float,
  ReduceSum: number,
  ReduceMean: float,
  ReduceMax: float,
  ReduceSumSquare: float,
  Softmax: float,
  LayerNormalization: float,
  Transpose: float,
  Reshape: ['float32', 'bool'],
  Slice: float,
  Split: float,
  Concat: float,
  Expand: float,
  Unsqueeze: ['float32', 'int32', 'bool'],
  Squeeze: number,
  Shape: ['float32', 'int32', 'bool'],
}
const shapes: DataType[] = ['int64']
const cuda: typeof webgpu = {
  ...webgpu,
  Add: [...number, ...shapes],
  Sub: [...number, ...shapes],
  Mul: [...number, ...shapes],
  Equal: [...number, ...shapes],
  GreaterOrEqual: [...number, ...shapes],
}

/** The devices that lack some kernels: a row of the devices' table that says so needs one here. */
type PartialDevice = {
  [Name in keyof typeof devices]: (typeof devices)[Name]['allKernels'] extends true ? never : Name
}[keyof typeof devices]
const kernels: Record<PartialDevice, typeof webgpu> = { webgpu, cuda }

/** Operators that only compute shapes; the runtime keeps them on the host, for every provider. */
const onHost = new Set(['Concat(int64)', 'Split(int64)', 'Shape(int64)'])

/** The nodes, as `Gemm(float32)`, that a provider has no kernel for. */
export function withoutKernel(graph: Graph, provider: PartialDevice): string[] {
  const has = new Set(
    Object.entries(kernels[provider]).flatMap(([operator, types]) => types.map((type) => `${operator}(${type})`)),
  )
  const used = new Set(
    graph.nodes.map(({ opType, inputs }) => `${opType}(${getValue(graph, inputs[0] as string).dtype})`),
  )
  return [...used].filter((node) => !has.has(node) && !onHost.has(node))
}
