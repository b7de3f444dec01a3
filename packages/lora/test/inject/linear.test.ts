import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addInitializer, addInput, build, createGraph, float32, readModel } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { canonicalize, inspect, lora } from '../../src/index.ts'

describe('any graph', () => {
  it('is named by the modules that PyTorch’s newer exporter notes, where it dropped the parameters’ names', () => {
    const graph = readModel(
      readFileSync(join(import.meta.dirname, '../../../../tools/parity/fixtures/onnx-llama-dynamo/model.onnx')),
    )
    canonicalize(graph, 'llama')
    expect(
      inspect({ graph })
        .slice(0, 3)
        .map(({ module }) => module),
    ).toEqual(['q_proj', 'k_proj', 'v_proj'].map((name) => `model.layers.0.self_attn.${name}`))
  })

  it('has its linear layers found, biased or not, transposed or not, under whatever name', () => {
    const graph = createGraph('exported')
    const g = build(graph)
    const weight = (name: string, dims: number[]) =>
      addInitializer(graph, name, float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.1)))
    const x = addInput(graph, 'x', 'float32', ['batch', 'sequence', 4])
    const query = g.Add(
      g.node('MatMul', [x, weight('onnx::MatMul_7', [4, 4])], { scope: 'encoder.query' })[0] as never,
      weight('encoder.query.bias', [4]),
    )
    const key = g.node('MatMul', [query, weight('onnx::MatMul_8', [4, 6])], { scope: 'encoder.key' })[0] as never
    const value = g.MatMul(key, g.Transpose(weight('encoder.value.weight', [3, 6]), { perm: [1, 0] }))
    const flat = g.Reshape(value, g.int64([-1, 3]))
    graph.outputs = [g.Gemm(flat, weight('head.weight', [2, 3]), weight('head.bias', [2]), { transB: 1 }).name]
    const model = { graph, trainable: new Set<string>() }
    expect(
      inspect(model).map(({ module, transposed, inFeatures, outFeatures, bias }) => [
        module,
        transposed,
        inFeatures,
        outFeatures,
        bias,
      ]),
    ).toEqual([
      ['encoder.query', false, 4, 4, 'encoder.query.bias'],
      ['encoder.key', false, 4, 6, undefined],
      ['encoder.value', true, 6, 3, undefined],
      ['head', true, 3, 2, 'head.bias'],
    ])
    expect(() => lora(model, { target_modules: ['quary'] })).toThrow(/no layer matches.*encoder\.query/)
    expect(() => lora(model, { target_modules: 'query' })).toThrow(
      /no layer matches.*whole names: write \['query'\]\.$/,
    )
    expect(lora(model, { target_modules: ['query', 'value'] }).targets.map(({ module }) => module)).toEqual([
      'encoder.query',
      'encoder.value',
    ])
  })
})
