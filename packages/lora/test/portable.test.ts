// Training graphs use only operators, with element types, that CPU, CUDA and native WebGPU all have kernels for.

import { type DataType, getValue, type Graph } from '@cola/graph'
import { adamw, crossEntropy, generateArtifacts } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { gpt2, lora, parseGpt2Config, randomGpt2, reportConfig } from '../src/index.ts'

/**
 * Element types of the first input that each provider of ONNX Runtime 1.30 has a kernel for, among those that we emit.
 * WebGPU: webgpu_execution_provider.cc, seen by running each with CPU fallback forbidden; CUDA: docs/OperatorKernels.md. The CPU has all of them.
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
  Gelu: float,
  Equal: number,
  Greater: float,
  GreaterOrEqual: number,
  Less: float,
  And: ['bool'],
  Not: ['bool'],
  Where: ['bool'],
  Cast: ['float32', 'int32', 'bool'],
  Identity: float,
  MatMul: float,
  Gemm: float,
  Gather: float,
  ScatterND: float,
  ReduceSum: number,
  ReduceMean: float,
  ReduceMax: float,
  ReduceSumSquare: float,
  Softmax: float,
  LayerNormalization: float,
  Transpose: float,
  Reshape: float,
  Split: float,
  Concat: float,
  Expand: float,
  Unsqueeze: ['float32', 'int32', 'bool'],
  Squeeze: ['float32', 'int32', 'bool'],
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
const kernels = { webgpu, cuda }

/** `Gemm(float32)` for every node. */
const used = (graph: Graph): string[] => [...new Set(graph.nodes.map(({ opType, inputs }) => `${opType}(${getValue(graph, inputs[0] as string).dtype})`))]

describe.each(['webgpu', 'cuda'] as const)('%s has a kernel for every node of', (provider) => {
  const config = parseGpt2Config({ model_type: 'gpt2', n_layer: 2, n_head: 2, n_embd: 8, n_positions: 16, vocab_size: 30 })
  const model = lora(gpt2(config, randomGpt2(config), { dropout: 'config' }), { ...reportConfig, lora_dropout: 0.1 })
  const artifacts = generateArtifacts(model, { loss: crossEntropy({ label_smoothing: 0.1 }), optimizer: adamw({ max_grad_norm: 1 }) })
  it.each(['trainingModel', 'evalModel', 'optimizerModel'] as const)('%s', (name) => {
    const has = new Set(Object.entries(kernels[provider]).flatMap(([operator, types]) => types.map((type) => `${operator}(${type})`)))
    expect(used(artifacts[name]).filter((node) => !has.has(node))).toEqual([])
  })
})
