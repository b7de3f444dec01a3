// Names of the modules that onnxruntime-genai's model builder calls otherwise than transformers.

import { addInput, build, type Builder, createGraph, float32, foldLinear, simplify, type Value } from '@cola/graph'
import { expect, it } from 'vitest'
import { inspect } from '../../src/index.ts'
import { canonicalize } from '../../src/onnx/names.ts'

const width = 4

/** A model of one layer, under transformers' names. */
function named(model_type: string, write: (g: Builder, x: Value) => Value) {
  const graph = createGraph('model')
  const g = build(graph)
  const ids = addInput(graph, 'input_ids', 'int64', ['batch', 'sequence'])
  graph.outputs = [write(g, g.Gather(constant(g, 'model.embed_tokens.weight', 5, width), ids)).name]
  const folded = foldLinear(simplify(graph))
  canonicalize(folded, model_type)
  return folded
}

const constant = (g: Builder, name: string, ...dims: number[]): Value => {
  const count = dims.reduce((a, b) => a * b, 1)
  return g.constant(
    name,
    float32(
      dims,
      Float32Array.from({ length: count }, (_, i) => Math.sin(i)),
    ),
  )
}

/** A linear layer as the builder writes it: operators have the path of their module. */
function linear(g: Builder, x: Value, module: string, bias = false): Value {
  const name = (opType: string) => ({ name: `/${module.replaceAll('.', '/')}/${opType}`, scope: module })
  const matrix = constant(g, `${module}.MatMul.weight`, width, width)
  const [product] = g.node('MatMul', [x, matrix], name('MatMul')) as [Value]
  if (!bias) return product
  return (g.node('Add', [product, constant(g, `${module}.Add.bias`, width)], name('Add')) as [Value])[0]
}

const parametersRead = (graph: ReturnType<typeof named>): string[] => {
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs))
  return [...graph.initializers.keys()].filter((name) => read.has(name) && /layer.*\.(weight|bias)$/.test(name)).sort()
}

it('are transformers’, of biases and of the last normalization too', () => {
  const norm = 'model.layers.1.final_norm_layernorm'
  const graph = named('phi', (g, x) => {
    const parameters = ['weight', 'bias'].map((kind) => constant(g, `${norm}.${kind}`, width))
    const inputs = [linear(g, x, 'model.layers.0.attn.o_proj', true), ...parameters]
    return (g.node('LayerNormalization', inputs, { name: `/${norm}/LayerNorm`, scope: norm }) as [Value])[0]
  })
  const modules = ['model.final_layernorm', 'model.layers.0.self_attn.dense']
  expect(parametersRead(graph)).toEqual(modules.flatMap((module) => [`${module}.bias`, `${module}.weight`]))
})

it('are one matrix for the gate of Granite’s shared MLP, as in transformers', () => {
  const mlp = 'model.layers.0.mlp'
  const graph = named('granitemoehybrid', (g, x) => {
    const [gate, up] = ['gate_proj', 'up_proj'].map((module) => linear(g, x, `${mlp}.${module}`)) as [Value, Value]
    return linear(g, g.Mul(g.Mul(gate, g.Sigmoid(gate)), up), `${mlp}.down_proj`)
  })
  const modules = inspect({ graph }).flatMap(({ module }) => (module.includes('mlp') ? [module] : []))
  expect(modules).toEqual(['input_linear', 'output_linear'].map((module) => `model.layers.0.shared_mlp.${module}`))
})

it('are kept where transformers calls a module attn', () => {
  const scope = 'model.layers.0.attn.Wqkv'
  const graph = named('modernbert', (g, x) => {
    const inputs = [x, constant(g, `${scope}.weight`, width, width)]
    return (g.node('MatMul', inputs, { name: '/Wqkv', scope }) as [Value])[0]
  })
  expect(inspect({ graph }).map(({ module }) => module)).toContain(scope)
})
